"""Prompt texts: `prompts/<recipe>/<step>.{system,user}.j2`, rendered in Jinja's sandbox.

The system text says who the teacher is, the user text what is asked, with examples before it. Chat sends them as two
turns; Completions sends one text in which the answer to come is the next example (SelfCodeAlign §3.1).
"""

from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files

from jinja2 import StrictUndefined, Template
from jinja2.meta import find_undeclared_variables
from jinja2.sandbox import SandboxedEnvironment

from seedmill.recipes.markdown import fenced
from seedmill.records.generation import Api, Message, Prompt

NEXT_EXAMPLE = "=== Example"
"""Where an answer that goes on with an example of its own is cut."""


@dataclass(frozen=True, slots=True)
class StepPrompt:
    """The texts of one Generate step; `digest` names their sources. A system text that asks for no value is ready."""

    system: Template | str
    user: Template
    stop: tuple[str, ...]
    digest: str

    def render(self, api: Api, **values: object) -> Prompt:
        """Fill in the values; one that a template asks for and is not given is an error in the recipe."""
        chat = api is Api.CHAT
        system = self.system if isinstance(self.system, str) else self.system.render(values).strip()
        user = self.user.render(values, chat=chat, fenced=fenced).strip()
        if chat:
            return Prompt(messages=(Message("system", system), Message("user", user)), stop=self.stop)
        return Prompt(text=f"{system}\n\n{user}", stop=self.stop)

    def answer(self, text: str) -> str:
        """The answer up to a stop string: not every server takes them, and some leave them in."""
        ends = [at for stop in self.stop if (at := text.find(stop)) >= 0]
        return text[: min(ends, default=len(text))]


@cache
def load_prompt(recipe: str, step: str, *more_stops: str) -> StepPrompt:
    """The prompt of a step, read once from the package."""
    folder = files("seedmill.recipes") / "prompts" / recipe
    system, user = ((folder / f"{step}.{part}.j2").read_text("utf-8") for part in ("system", "user"))
    environment = _environment()
    stop = (NEXT_EXAMPLE, *more_stops)
    digest = sha256("\0".join((system, user, *stop)).encode()).hexdigest()
    ready = environment.from_string(system)
    asks = find_undeclared_variables(environment.parse(system))
    return StepPrompt(ready if asks else ready.render().strip(), environment.from_string(user), stop, digest)


@cache
def _environment() -> SandboxedEnvironment:
    # Without autoescape: prompts are plain text, not HTML.
    return SandboxedEnvironment(undefined=StrictUndefined, autoescape=False, trim_blocks=True, lstrip_blocks=True)
