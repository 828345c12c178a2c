"""DatasetGeneration as types: the one source of parsing, defaults, validation, the CRD and the reference page.

Field names are Python's here and camelCase in YAML; the text below a field is its documentation. Unknown fields are
errors. What only several fields together decide is a `Rule` beside them.
"""

import re
from enum import StrEnum
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from seedmill.spec.rules import Rule, SpecModel
from seedmill.spec.shapes import (
    AS_SET,
    AS_WHOLE,
    LABEL,
    SHARD,
    SIZE,
    DecimalText,
    Label,
    LongText,
    NoDuplicates,
    ObjectName,
    ShortText,
    Uri,
)

API_VERSION = "seedmill.dev/v1alpha1"
KIND = "DatasetGeneration"
MAX_NAME_LENGTH = 40
"""Of metadata.name: with digests and suffixes behind it, a pod's name still fits a label (63 characters)."""


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
    """The method. Exactly one of these; `{}` behind its name stands for its defaults."""

    oss_instruct: OssInstruct | None = None
    self_oss_instruct: SelfOssInstruct | None = None
    comment_function: CommentFunction | None = None

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "exactly one of ossInstruct, selfOssInstruct, commentFunction must be given",
            "[has(self.ossInstruct), has(self.selfOssInstruct), has(self.commentFunction)].filter(x, x).size() == 1",
            lambda self: len(self.given) == 1,
        ),
    )

    @property
    def given(self) -> list[str]:
        """The fields that are set, as in YAML."""
        return [to_camel(name) for name in Recipe.model_fields if getattr(self, name) is not None]

    @property
    def name(self) -> str:
        """The field that is set, as in YAML."""
        return self.given[0]


class Licenses(SpecModel):
    """Which licences seeds may have."""

    allow: Annotated[list[ShortText], NoDuplicates, Field(max_length=200, json_schema_extra=AS_SET)] = Field(
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

    uri: Uri
    """A directory, a file (.jsonl, .parquet, .tar, .zip, source), s3://bucket/prefix, or installed:NAME,… (Python
    packages installed beside seedmill; `stdlib` is the standard library, `*` all packages). A relative path is relative
    to the file that names it."""
    languages: Annotated[
        list[ShortText], NoDuplicates, Field(min_length=1, max_length=64, json_schema_extra=AS_SET)
    ] = Field(default_factory=lambda: ["python"])
    """Languages to take."""
    language_quotas: Annotated[
        dict[ShortText, Annotated[int, Field(ge=1, le=10_000_000_000)]], Field(max_length=64)
    ] = Field(default_factory=dict[str, int])
    """How many seeds to take at most of a language, as in {python: 40000, rust: 5000}."""
    licenses: Licenses = Field(default_factory=Licenses)
    """Which licences seeds may have."""
    license: ShortText | None = None
    """SPDX id of the whole corpus, where its files do not say one themselves."""
    text_field: ShortText | None = None
    """The column that holds the code in JSONL and Parquet; found by itself for `content`, `text`, `code`."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "uri must be a path, s3://bucket/prefix, or installed:NAME",
            "!self.uri.contains('://') || self.uri.matches('^(file:///|s3://[^/])')",
            lambda self: "://" not in self.uri or re.match(r"file:///|s3://[^/]", self.uri) is not None,
        ),
        Rule(
            "uri installed: needs a package behind it, as in installed:more-itertools, installed:stdlib or installed:*",
            "self.uri != 'installed:'",
            lambda self: self.uri != "installed:",
        ),
        Rule(
            "uri names a corpus; rows that another DatasetGeneration published are named in seeds.dataset",
            "!self.uri.startsWith('dataset:')",
            lambda self: not self.uri.startswith("dataset:"),
        ),
        Rule(
            "languageQuotas may name only what languages lists",
            "!has(self.languageQuotas) || self.languageQuotas.all(name, name in self.languages)",
            lambda self: set(self.language_quotas) <= set(self.languages),
        ),
    )


class DatasetReference(SpecModel):
    """The published rows of another DatasetGeneration in the same namespace: the code of each row is a document.

    Rows keep licence and origin of the seeds they were made from. What is published when the run begins is pinned:
    what the other run publishes later changes nothing.
    """

    name: ObjectName
    """Its metadata.name."""


def _shard_in_range(shard: str | None) -> bool:
    if shard is None:
        return True
    index, count = map(int, shard.split("/"))
    return index <= count


class Seeds(SpecModel):
    """What the rows are made from. Exactly one of corpus and dataset."""

    corpus: Corpus | None = None
    """Source code."""
    dataset: DatasetReference | None = None
    """Rows that another DatasetGeneration published."""
    shard: Annotated[str, Field(pattern=SHARD, max_length=11)] | None = None
    """`2/8` = the second eighth of the seeds, by seed digest."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "exactly one of corpus, dataset must be given",
            "has(self.corpus) != has(self.dataset)",
            lambda self: (self.corpus is None) != (self.dataset is None),
        ),
        Rule(
            "shard: the first number must not be larger than the second",
            "!has(self.shard) || int(self.shard.split('/')[0]) <= int(self.shard.split('/')[1])",
            lambda self: _shard_in_range(self.shard),
        ),
    )


Temperature = Annotated[float, Field(ge=0, le=2)]
TopP = Annotated[float, Field(gt=0, le=1)]
MaxTokens = Annotated[int, Field(ge=1, le=131_072)]


class Sampling(SpecModel):
    """How the teacher samples."""

    temperature: Temperature = 0.7
    """0 always takes the likeliest token."""
    top_p: TopP = 0.95
    """Only the likeliest tokens that together have this probability are considered."""
    max_tokens: MaxTokens = 1536
    """Longest completion, in tokens."""


class SamplingOverride(SpecModel):
    """How one step samples; what is left out is as for the teacher."""

    temperature: Temperature | None = None
    """0 always takes the likeliest token."""
    top_p: TopP | None = None
    """Only the likeliest tokens that together have this probability are considered."""
    max_tokens: MaxTokens | None = None
    """Longest completion, in tokens."""


class StepOverride(SpecModel):
    """What one step does differently."""

    model: LongText | None = None
    """Another model that the inference service serves."""
    api: Api | None = None
    """Another route."""
    sampling: SamplingOverride = Field(default_factory=SamplingOverride)
    """Other sampling."""


class Teacher(SpecModel):
    """The model that writes."""

    model: LongText
    """A name that the inference service serves."""
    api: Api = Api.CHAT
    """Chat for instruction-tuned models; Completions for base models, which are shown the examples as one text."""
    sampling: Sampling = Field(default_factory=Sampling)
    """How the teacher samples."""
    steps: Annotated[dict[ShortText, StepOverride], Field(max_length=16)] = Field(
        default_factory=dict[str, StepOverride]
    )
    """By step name: its own model, api or sampling. The recipes' pages name their steps."""


class Execution(SpecModel):
    """How programs and tests are run."""

    isolation: Isolation = Isolation.POOLED
    """Pooled: a warm gVisor sandbox, one test at a time. Fresh: a gVisor sandbox for each test. Process: no sandbox."""
    verdict: VerdictKind = VerdictKind.AUTO
    """Strict: tests judge from a process of their own. Token: one process, and a secret that arrives after the solution
    is loaded. Auto: Strict where it fits, else Token; which one it was is recorded."""
    environment: Label = "python-std"
    """The named set of packages that programs may use."""
    timeout_seconds: Annotated[float, Field(gt=0, le=600)] = 10.0
    """CPU seconds of one test."""
    memory: Annotated[str, Field(pattern=SIZE, max_length=12)] = "512Mi"
    """Memory of one test, all its processes together."""

    @property
    def memory_bytes(self) -> int:
        """`memory` in bytes."""
        return int(self.memory[:-2]) << {"Ki": 10, "Mi": 20, "Gi": 30}[self.memory[-2:]]


class Decontamination(SpecModel):
    """Against which benchmarks rows are checked."""

    benchmarks: Annotated[list[ShortText], NoDuplicates, Field(max_length=64, json_schema_extra=AS_SET)] | None = None
    """Names of benchmark indexes; all that are present when left out."""
    disabled: bool = False
    """Check nothing. The dataset card says so."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "benchmarks must not be given when disabled is true",
            "!self.disabled || !has(self.benchmarks) || self.benchmarks.size() == 0",
            lambda self: not (self.disabled and self.benchmarks),
        ),
        Rule(
            "benchmarks is empty: leave it out to check all that are present, or write disabled: true",
            "self.disabled || !has(self.benchmarks) || self.benchmarks.size() > 0",
            lambda self: self.disabled or self.benchmarks is None or bool(self.benchmarks),
        ),
    )


class Target(SpecModel):
    """When there is enough. May be raised later: the run then goes on behind what it published."""

    accepted_samples: Annotated[int, Field(ge=1, le=1_000_000_000)]
    """Rows to publish; met exactly."""
    max_candidates: Annotated[int, Field(ge=1, le=10_000_000_000)] | None = None
    """Root samples to try at most; one for each seed when left out."""


class Price(SpecModel):
    """What a million tokens cost, in the currency of maxCost."""

    input: DecimalText
    """Of prompts."""
    output: DecimalText
    """Of completions."""


class Budget(SpecModel):
    """What the run may use. When it is used up, what there is gets published, and raising it goes on."""

    max_tokens: Annotated[int, Field(ge=1, le=1_000_000_000_000_000)] | None = None
    """Tokens of prompts and completions together."""
    max_cost: DecimalText | None = None
    """In the currency of pricePerMillionTokens."""
    price_per_million_tokens: Price | None = None
    """Needed for maxCost."""
    active_deadline_seconds: Annotated[int, Field(ge=1, le=315_360_000)] | None = None
    """Wall time of the run's process, as for a Job."""
    max_gpu_hours: DecimalText | None = None
    """GPU hours of the engines that work for this run."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "maxCost needs pricePerMillionTokens",
            "!has(self.maxCost) || has(self.pricePerMillionTokens)",
            lambda self: self.max_cost is None or self.price_per_million_tokens is not None,
        ),
        Rule(
            "maxCost must be more than 0",
            "!has(self.maxCost) || double(self.maxCost) > 0.0",
            lambda self: self.max_cost is None or self.max_cost > 0,
        ),
        Rule(
            "maxGpuHours must be more than 0",
            "!has(self.maxGpuHours) || double(self.maxGpuHours) > 0.0",
            lambda self: self.max_gpu_hours is None or self.max_gpu_hours > 0,
        ),
    )


class SecretRef(SpecModel):
    """A Secret in the resource's namespace."""

    name: ObjectName
    """Its name."""


class OutputStore(SpecModel):
    """A store of the run's own, where it is not the release's."""

    uri: Uri
    """s3://bucket/prefix, or a directory that all services see."""
    secret_ref: SecretRef | None = None
    """The Secret with endpoint and keys of an S3 store."""


class Output(SpecModel):
    """What is published, and where."""

    formats: Annotated[list[Format], NoDuplicates, Field(min_length=1, max_length=8, json_schema_extra=AS_SET)] = Field(
        default_factory=lambda: [Format.PARQUET, Format.MESSAGES]
    )
    """Parquet: all columns with lineage. Messages: JSONL of chats, as trainers take it."""
    store: OutputStore | None = None
    """Where, if not in the release's store."""


class FailurePolicy(SpecModel):
    """When a run that mostly fails stops."""

    max_failed_percent: Annotated[int, Field(ge=0, le=100)] = 5
    """Failed samples among settled ones, in percent, from 100 settled ones on."""


class Spec(SpecModel):
    """What dataset to make."""

    recipe: Recipe
    """The method. Exactly one of its fields."""
    random_seed: Annotated[int, Field(ge=0, le=2**63 - 1)] = 0
    """Another number makes another dataset from the same seeds. Never derived from the name."""
    seeds: Seeds
    """What the rows are made from."""
    teacher: Teacher | None = None
    """The model that writes; required unless the recipe is commentFunction."""
    execution: Execution = Field(default_factory=Execution)
    """How programs and tests are run."""
    decontamination: Decontamination = Field(default_factory=Decontamination)
    """Against which benchmarks rows are checked."""
    target: Target
    """When there is enough."""
    budget: Budget = Field(default_factory=Budget)
    """What the run may use."""
    reuse: Annotated[list[ObjectName], NoDuplicates, Field(max_length=16, json_schema_extra=AS_WHOLE)] = Field(
        default_factory=list[str]
    )
    """Other DatasetGenerations of the namespace whose finished steps are taken instead of paid again, where model,
    rendered prompt, sampling and counter are equal."""
    output: Output = Field(default_factory=Output)
    """What is published, and where."""
    failure_policy: FailurePolicy = Field(default_factory=FailurePolicy)
    """When a run that mostly fails stops."""
    max_in_flight: Annotated[int, Field(ge=1, le=100_000)] = 512
    """Samples in flight at most; below it the window adapts to what the teacher grants."""
    suspend: bool = False
    """Finish what is in flight and stop; false goes on."""
    queue_name: ObjectName | None = None
    """Kueue LocalQueue that admits the run's Job."""
    priority_class_name: ObjectName | None = None
    """PriorityClass of the run's pod."""
    ttl_seconds_after_finished: Annotated[int, Field(ge=0, le=315_360_000)] | None = None
    """Delete the resource so long after it finished; the dataset stays."""
    managed_by: Annotated[str, Field(min_length=1, max_length=63)] | None = None
    """Another controller that acts on this resource; ours then leaves it alone. Cannot be changed."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "teacher is required unless the recipe is commentFunction",
            "has(self.recipe.commentFunction) || has(self.teacher)",
            lambda self: self.recipe.comment_function is not None or self.teacher is not None,
        ),
    )


class Metadata(BaseModel):
    """Kubernetes object metadata; only name and namespace matter to a run, the rest is kept as it is."""

    model_config = ConfigDict(extra="allow", frozen=True)

    name: Annotated[str, Field(pattern=LABEL, min_length=1, max_length=MAX_NAME_LENGTH)]
    namespace: Label | None = None


class DatasetGeneration(SpecModel):
    """A dataset to make, and how."""

    api_version: Literal["seedmill.dev/v1alpha1"]
    kind: Literal["DatasetGeneration"]
    metadata: Metadata
    spec: Spec
    status: dict[str, object] | None = None
    """Ignored in files; written by the operator in a cluster."""
