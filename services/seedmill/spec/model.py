"""DatasetGeneration as types: the one source of parsing, defaults, validation, the CRD and the reference page.

What stands in each field of `Spec` is a module of its own in this room. Field names are Python's here and camelCase in
YAML; the text below a field is its documentation. Unknown fields are errors. What only several fields together decide
is a `Rule` beside them.
"""

from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from seedmill.spec.decontamination import Decontamination
from seedmill.spec.execution import Execution
from seedmill.spec.limits import Budget, FailurePolicy, Target
from seedmill.spec.output import Output
from seedmill.spec.recipe import Recipe
from seedmill.spec.rules import Rule, SpecModel
from seedmill.spec.seeds import Seeds
from seedmill.spec.shapes import IN_ORDER, LABEL, Label, NoNameTwice, ObjectName
from seedmill.spec.teacher import Teacher

API_VERSION = "seedmill.dev/v1alpha1"
KIND = "DatasetGeneration"
MAX_NAME_LENGTH = 40
"""Of metadata.name: with digests and suffixes behind it, a pod's name still fits a label (63 characters)."""


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
    reuse: Annotated[list[ObjectName], NoNameTwice, Field(max_length=16, json_schema_extra=IN_ORDER)] = Field(
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
    weight: Annotated[int, Field(ge=1, le=100)] = 1
    """Runs that want the same engines get them in proportion to their weights."""
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
    """Kubernetes object metadata; only name and namespace matter to a run. The rest is what a server may have set."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=LABEL, min_length=1, max_length=MAX_NAME_LENGTH)]
    namespace: Label | None = None
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    finalizers: list[str] | None = None
    generate_name: str | None = None
    owner_references: list[object] | None = None
    managed_fields: list[object] | None = None
    creation_timestamp: object = None
    deletion_grace_period_seconds: object = None
    deletion_timestamp: object = None
    generation: object = None
    resource_version: object = None
    self_link: object = None
    uid: object = None


class DatasetGeneration(SpecModel):
    """A dataset to make, and how."""

    api_version: Literal["seedmill.dev/v1alpha1"]
    kind: Literal["DatasetGeneration"]
    metadata: Metadata
    spec: Spec
    status: dict[str, object] | None = None
    """Ignored in files; written by the operator in a cluster."""
