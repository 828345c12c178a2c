"""DatasetGeneration as types: the one source of parsing, defaults, validation, the CRD and the reference page.

Field names are Python's here and camelCase in YAML. Unknown fields are errors. What only several fields together decide
is checked in `model_validator`s, whose twins in the CRD are CEL rules (`crd.py`).
"""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

API_VERSION = "seedmill.dev/v1alpha1"
KIND = "DatasetGeneration"


class SpecModel(BaseModel):
    """Frozen, camelCase in YAML, unknown fields forbidden."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True, use_attribute_docstrings=True
    )


class Api(StrEnum):
    COMPLETIONS = "Completions"
    CHAT = "Chat"


class Isolation(StrEnum):
    POOLED = "Pooled"
    FRESH = "Fresh"
    PROCESS = "Process"


class VerdictKind(StrEnum):
    STRICT = "Strict"
    TOKEN = "Token"
    AUTO = "Auto"


class Format(StrEnum):
    PARQUET = "Parquet"
    MESSAGES = "Messages"


class OssInstruct(SpecModel):
    """OSS-Instruct (Magicoder §3): one call makes problem and solution from a snippet."""

    max_lines: Annotated[int, Field(ge=1, le=100)] = 15
    """Longest snippet, in lines; its length is uniform in 1..maxLines."""


class SelfOssInstruct(SpecModel):
    """Self-OSS-Instruct (SelfCodeAlign): concepts, instruction, responses with tests, execution filter."""

    responses_per_instruction: Annotated[int, Field(ge=1, le=100)] = 10
    """Responses sampled at most for one instruction, in waves of 2, 4, 4, …"""
    few_shot_examples: Annotated[int, Field(ge=0, le=21)] = 8
    """Worked examples shown for concepts and instructions; responses are shown one (none when this is 0)."""


class CommentFunction(SpecModel):
    """Comment-function pairs (Magicoder §4.2): no model; docstring to instruction, function to response."""

    require_tests: bool = True
    """Keep only functions whose doctests pass. With false, functions without doctests are kept unverified."""


class Recipe(SpecModel):
    """Exactly one of these."""

    oss_instruct: OssInstruct | None = None
    self_oss_instruct: SelfOssInstruct | None = None
    comment_function: CommentFunction | None = None

    @property
    def name(self) -> str:
        """The field that is set, as in YAML."""
        return next(to_camel(name) for name in Recipe.model_fields if getattr(self, name) is not None)

    @model_validator(mode="after")
    def _exactly_one(self) -> "Recipe":
        given = [to_camel(name) for name in Recipe.model_fields if getattr(self, name) is not None]
        if len(given) != 1:
            names = ", ".join(to_camel(name) for name in Recipe.model_fields)
            raise ValueError(f"exactly one of {names} must be given, not {' and '.join(given) or 'none'}")
        return self


class Licenses(SpecModel):
    """Which licences seeds may have."""

    allow: Annotated[list[str], Field(max_length=200)] = Field(
        default_factory=lambda: [
            "MIT",
            "MIT-0",
            "Apache-2.0",
            "BSD-2-Clause",
            "BSD-3-Clause",
            "0BSD",
            "ISC",
            "PSF-2.0",
            "Python-2.0",
            "Unlicense",
            "Zlib",
            "CC0-1.0",
            "BSL-1.0",
            "HPND",
        ]
    )
    """SPDX ids. A seed under `A OR B` may use either; under `A AND B` both must be allowed."""
    allow_unknown: bool = False
    """Also take seeds whose licence is not known. They are marked as such in the dataset card."""


class Corpus(SpecModel):
    """Source code to take seeds from."""

    uri: Annotated[str, Field(min_length=1, max_length=2048)]
    """A directory, a file (.jsonl, .parquet, .tar, .zip, source), s3://bucket/prefix, installed:NAME (or *, stdlib)."""
    languages: dict[str, int | None] | list[str] = Field(default_factory=lambda: ["python"])
    """Languages to take: a list, or a map from language to how many seeds at most."""
    licenses: Licenses = Field(default_factory=Licenses)
    license: str | None = None
    """SPDX id of the whole corpus, where its files do not say one themselves."""
    text_field: str | None = None
    """The column that holds the code in JSONL and Parquet; found by itself for `content`, `text`, `code`."""


class DatasetReference(SpecModel):
    """The published rows of another DatasetGeneration in the same namespace."""

    name: Annotated[str, Field(min_length=1, max_length=253)]


class Seeds(SpecModel):
    """Exactly one of corpus and dataset."""

    corpus: Corpus | None = None
    dataset: DatasetReference | None = None
    shard: Annotated[str, Field(pattern=r"^[1-9][0-9]{0,4}/[1-9][0-9]{0,4}$")] | None = None
    """`2/8` = the second eighth of the seeds, by seed digest."""

    @model_validator(mode="after")
    def _exactly_one(self) -> "Seeds":
        if (self.corpus is None) == (self.dataset is None):
            raise ValueError("exactly one of corpus, dataset must be given")
        if self.shard is not None:
            index, count = map(int, self.shard.split("/"))
            if index > count:
                raise ValueError(f"shard {self.shard}: the first number must not be larger than the second")
        return self


class Sampling(SpecModel):
    temperature: Annotated[float, Field(ge=0, le=2)] = 0.7
    top_p: Annotated[float, Field(gt=0, le=1)] = 0.95
    max_tokens: Annotated[int, Field(ge=1, le=131072)] = 1536


class SamplingOverride(SpecModel):
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    max_tokens: Annotated[int, Field(ge=1, le=131072)] | None = None


class StepOverride(SpecModel):
    """What one step does differently."""

    model: Annotated[str, Field(min_length=1, max_length=256)] | None = None
    api: Api | None = None
    sampling: SamplingOverride = Field(default_factory=SamplingOverride)


class Teacher(SpecModel):
    """The model that writes."""

    model: Annotated[str, Field(min_length=1, max_length=256)]
    """A name that the inference service serves."""
    api: Api = Api.CHAT
    sampling: Sampling = Field(default_factory=Sampling)
    steps: dict[str, StepOverride] = Field(default_factory=dict[str, StepOverride])
    """By step name: its own model, api or sampling."""


class Execution(SpecModel):
    """How programs and tests are run."""

    isolation: Isolation = Isolation.POOLED
    verdict: VerdictKind = VerdictKind.AUTO
    environment: Annotated[str, Field(min_length=1, max_length=63)] = "python-std"
    timeout_seconds: Annotated[float, Field(gt=0, le=600)] = 10.0
    """CPU seconds of one test."""
    memory: Annotated[str, Field(pattern=r"^[1-9][0-9]*(Ki|Mi|Gi)$")] = "512Mi"

    @property
    def memory_bytes(self) -> int:
        return int(self.memory[:-2]) << {"Ki": 10, "Mi": 20, "Gi": 30}[self.memory[-2:]]


class Decontamination(SpecModel):
    benchmarks: Annotated[list[str], Field(max_length=64)] | None = None
    """Names of benchmark indexes; all that are present when left out."""
    disabled: bool = False

    @model_validator(mode="after")
    def _not_both(self) -> "Decontamination":
        if self.disabled and self.benchmarks:
            raise ValueError("benchmarks must not be given when disabled is true")
        return self


class Target(SpecModel):
    accepted_samples: Annotated[int, Field(ge=1, le=1_000_000_000)]
    """Rows to publish; met exactly."""
    max_candidates: Annotated[int, Field(ge=1, le=10_000_000_000)] | None = None
    """Root samples to try at most; one for each seed when left out."""


class Price(SpecModel):
    input: Decimal = Field(ge=0)
    output: Decimal = Field(ge=0)


class Budget(SpecModel):
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    max_cost: Annotated[Decimal, Field(gt=0)] | None = None
    """In the currency of pricePerMillionTokens."""
    price_per_million_tokens: Price | None = None
    active_deadline_seconds: Annotated[int, Field(ge=1)] | None = None
    max_gpu_hours: Annotated[Decimal, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _cost_needs_price(self) -> "Budget":
        if self.max_cost is not None and self.price_per_million_tokens is None:
            raise ValueError("maxCost needs pricePerMillionTokens")
        return self


class SecretRef(SpecModel):
    name: Annotated[str, Field(min_length=1, max_length=253)]


class OutputStore(SpecModel):
    uri: Annotated[str, Field(min_length=1, max_length=2048)]
    secret_ref: SecretRef | None = None


class Output(SpecModel):
    formats: Annotated[list[Format], Field(min_length=1, max_length=8)] = Field(
        default_factory=lambda: [Format.PARQUET, Format.MESSAGES]
    )
    store: OutputStore | None = None


class FailurePolicy(SpecModel):
    max_failed_percent: Annotated[int, Field(ge=0, le=100)] = 5


class Spec(SpecModel):
    """What dataset to make."""

    recipe: Recipe
    random_seed: Annotated[int, Field(ge=0, le=2**63 - 1)] = 0
    seeds: Seeds
    teacher: Teacher | None = None
    execution: Execution = Field(default_factory=Execution)
    decontamination: Decontamination = Field(default_factory=Decontamination)
    target: Target
    budget: Budget = Field(default_factory=Budget)
    reuse: Annotated[list[str], Field(max_length=16)] = Field(default_factory=list[str])
    output: Output = Field(default_factory=Output)
    failure_policy: FailurePolicy = Field(default_factory=FailurePolicy)
    max_in_flight: Annotated[int, Field(ge=1, le=100_000)] = 512
    suspend: bool = False
    queue_name: str | None = None
    priority_class_name: str | None = None
    ttl_seconds_after_finished: Annotated[int, Field(ge=0)] | None = None
    managed_by: str | None = None

    @model_validator(mode="after")
    def _teacher_where_needed(self) -> "Spec":
        if self.recipe.comment_function is None and self.teacher is None:
            raise ValueError(f"teacher is required for recipe {self.recipe.name}")
        return self


class Metadata(BaseModel):
    """Kubernetes object metadata; only name and namespace matter to a run, the rest is kept as it is."""

    model_config = ConfigDict(extra="allow", frozen=True)

    name: Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$", max_length=63)]
    namespace: str | None = None


class DatasetGeneration(SpecModel):
    """A dataset to make, and how."""

    api_version: Literal["seedmill.dev/v1alpha1"]
    kind: Literal["DatasetGeneration"]
    metadata: Metadata
    spec: Spec
    status: dict[str, object] | None = None
    """Ignored in files; written by the operator in a cluster."""
