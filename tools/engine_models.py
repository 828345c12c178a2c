"""Small models for a real engine, made here: no model hub is needed.

    python tools/engine_models.py [--smollm GGUF] [--busy]

Run by the Python of `tools/engine vllm`, it makes what is missing in that environment's folder and prints where:

tiny-llama              random weights, and a byte-level tokenizer trained on Python's standard library
smollm2-135m-instruct   with --smollm: the weights of that GGUF file, read back into bfloat16
busy-llama              with --busy: random weights, large enough that two cores need 50 ms and more a step. It knows
                        no end of text, so that each completion is as long as it may be
"""

import argparse
import random
import shutil
import sys
import sysconfig
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)

VOCABULARY = 4096
CONTEXT_TOKENS = 2048
END, START, PAD = "<|end|>", "<|start|>", "<|pad|>"
CHAT_TEMPLATE = (
    "{% for message in messages %}<|start|>{{ message['role'] }}\n{{ message['content'] }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|start|>assistant\n{% endif %}"
)
TRAINING_FILES = 200


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--smollm", type=Path, metavar="GGUF")
    parser.add_argument("--busy", action="store_true")
    options = parser.parse_args()
    folder = models_folder()
    folder.mkdir(exist_ok=True)
    make(folder / "tiny-llama", lambda at: save_random_llama(at, hidden=128, layers=2, ends=True))
    if options.smollm is not None:
        make(folder / "smollm2-135m-instruct", lambda at: convert(options.smollm, at))
    if options.busy:
        make(folder / "busy-llama", lambda at: save_random_llama(at, hidden=768, layers=24, ends=False))
    sys.stdout.write(f"{folder}\n")


def models_folder() -> Path:
    """In the environment that runs this. It is named by this file, so that a change makes them anew."""
    return Path(sys.prefix) / f"models-{sha256(Path(__file__).read_bytes()).hexdigest()[:12]}"


def make(folder: Path, save: Callable[[Path], None]) -> None:
    """Make a model unless it is there. A folder that is there is whole: it gets its name at the end."""
    if folder.is_dir():
        return
    sys.stderr.write(f"making {folder.name}\n")
    unfinished = folder.with_name(f".{folder.name}")
    shutil.rmtree(unfinished, ignore_errors=True)
    save(unfinished)
    unfinished.rename(folder)


def save_random_llama(folder: Path, *, hidden: int, layers: int, ends: bool) -> None:
    """A Llama of random weights and its tokenizer. Without `ends` no token means the end of a text."""
    tokenizer = trained_tokenizer(ends=ends)
    heads = hidden // 32 if hidden < 512 else hidden // 64
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=hidden,
        intermediate_size=4 * hidden,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=heads // 2,
        max_position_embeddings=CONTEXT_TOKENS,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        tie_word_embeddings=False,
    )
    torch.manual_seed(0)
    LlamaForCausalLM(config).to(torch.bfloat16).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def trained_tokenizer(*, ends: bool) -> PreTrainedTokenizerFast:
    """A byte-level BPE of VOCABULARY tokens."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[END, START, PAD],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(standard_library(), trainer)
    special: dict[str, Any] = {"pad_token": PAD, **({"eos_token": END} if ends else {})}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, chat_template=CHAT_TEMPLATE, **special)


def standard_library() -> Iterator[str]:
    """Texts of some modules, always the same ones for one Python."""
    paths = sorted(Path(sysconfig.get_paths()["stdlib"]).glob("*.py"))
    random.Random(0).shuffle(paths)  # noqa: S311
    for path in paths[:TRAINING_FILES]:
        yield path.read_text(errors="replace")


def convert(gguf: Path, folder: Path) -> None:
    """The GGUF's weights as bfloat16 safetensors: vLLM reads those fast, and no GGUF of this kind on a CPU."""
    read: Any = {"pretrained_model_name_or_path": str(gguf.parent), "gguf_file": gguf.name}
    quantized = AutoModelForCausalLM.from_pretrained(**read, dtype=torch.float32)
    config = AutoConfig.from_pretrained(**read)
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    model = LlamaForCausalLM(config)
    model.load_state_dict(quantized.state_dict())
    model.to(torch.bfloat16).save_pretrained(folder)
    AutoTokenizer.from_pretrained(**read).save_pretrained(folder)


if __name__ == "__main__":
    main()
