"""vLLM's own arguments, from the text after the ? of `vllm:MODEL?name=value&…`.

They are read by vLLM's own parser, so each is what `vllm serve --name value` takes, with the same types, defaults and
errors; nothing of them is repeated here. A flag is given as `name`, `name=true` or `name=false`.
"""

import argparse
import difflib
import importlib
from typing import Any, NoReturn

from seedmill.inference.endpoint_names import VllmName
from seedmill.inference.refusals import one_line
from seedmill.serving.errors import Misconfigured

_YES = ("", "true", "yes", "1")
_NO = ("false", "no", "0")


def engine_arguments(name: VllmName) -> Any:
    """vLLM's AsyncEngineArgs. Raises Misconfigured (EngineArguments): one line that says what is wrong with which."""
    arg_utils: Any = importlib.import_module("vllm.engine.arg_utils")
    parsers: Any = importlib.import_module("vllm.utils.argparse_utils")

    class Parser(parsers.FlexibleArgumentParser):
        def error(self, message: str) -> NoReturn:
            raise _refused(name, message)

    parser: Any = arg_utils.AsyncEngineArgs.add_cli_args(Parser(add_help=False, allow_abbrev=False))
    known = {option.lstrip("-"): action for action in parser._actions for option in action.option_strings}
    words = ["--model", name.model]
    for argument, value in name.arguments:
        action = known.get(argument)
        if action is None:
            near = difflib.get_close_matches(argument, known, n=1)
            raise _refused(name, f"vLLM has no argument {argument!r}" + (f"; is {near[0]!r} meant?" if near else ""))
        words += _words(name, argument, value, action)
    if "served-model-name" not in dict(name.arguments):
        words += ["--served-model-name", name.served]
    return arg_utils.AsyncEngineArgs.from_cli_args(parser.parse_args(words))


def _words(name: VllmName, argument: str, value: str, action: argparse.Action) -> list[str]:
    """The argument as on a command line."""
    if action.nargs != 0:
        return [f"--{argument}={value}"]
    if value.lower() in _YES:
        return [f"--{argument}"]
    if value.lower() in _NO and isinstance(action, argparse.BooleanOptionalAction):
        return [f"--no-{argument}"]
    raise _refused(name, f"argument {argument}: {value!r} is neither true nor false")


def _refused(name: VllmName, message: str) -> Misconfigured:
    return Misconfigured("EngineArguments", f"endpoint vllm:{name.model}: {one_line(message)}")
