"""The columns of a dataset: what of a row and its lineage goes where.

Lists of (name, value) stand where a map would be natural, because Hugging Face `datasets` cannot read Parquet maps.
"""

from typing import Any

import pyarrow as pa

from seedmill.aggregation.published import Facts, PublishedRow

SPLIT = "train"


def _struct(**fields: pa.DataType) -> pa.DataType:
    return pa.struct([pa.field(name, kind) for name, kind in fields.items()])


SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("instruction", pa.string(), nullable=False),
        pa.field("response", pa.string(), nullable=False),
        pa.field("code", pa.string(), nullable=False),
        pa.field("tests", pa.string(), nullable=False),
        pa.field("language", pa.string(), nullable=False),
        pa.field("properties", pa.list_(_struct(name=pa.string(), value=pa.string()))),
        pa.field(
            "seed",
            _struct(
                id=pa.string(),
                corpus=pa.string(),
                path=pa.string(),
                line=pa.int32(),
                project=pa.string(),
                version=pa.string(),
                license=pa.string(),
            ),
        ),
        pa.field(
            "generation",
            pa.list_(
                _struct(
                    step=pa.string(),
                    model=pa.string(),
                    api=pa.string(),
                    prompt_digest=pa.string(),
                    temperature=pa.float64(),
                    top_p=pa.float64(),
                    max_tokens=pa.int32(),
                )
            ),
        ),
        pa.field(
            "verdict",
            _struct(
                status=pa.string(),
                kind=pa.string(),
                downgrade=pa.string(),
                asserts_run=pa.int32(),
                environment=pa.string(),
                sandbox=pa.string(),
            ),
        ),
        pa.field("pass_rate", _struct(parts_sampled=pa.int32(), parts_passed=pa.int32(), censored=pa.bool_())),
        pa.field("decontaminated_against", pa.list_(pa.string())),
        pa.field("sample", pa.string(), nullable=False),
        pa.field("recipe", _struct(name=pa.string(), digest=pa.string())),
        pa.field("split", pa.string(), nullable=False),
    ]
)


def record_of(published: PublishedRow, facts: Facts) -> dict[str, Any]:
    """One row by column, as `SCHEMA` wants it."""
    row, lineage = published.row, published.lineage
    source, verdict, rate = lineage.seed.source, lineage.verdict, lineage.pass_rate
    return {
        "id": row.id,
        "instruction": row.instruction,
        "response": row.response,
        "code": row.code,
        "tests": row.tests,
        "language": row.language,
        "properties": [{"name": name, "value": value} for name, value in sorted(row.properties.items())],
        "seed": {
            "id": lineage.seed.id,
            "corpus": source.corpus,
            "path": source.path,
            "line": source.line,
            "project": source.project,
            "version": source.version,
            "license": source.license,
        },
        "generation": generation_of(facts),
        "verdict": verdict
        and {
            "status": verdict.status.value,
            "kind": verdict.kind.value,
            "downgrade": verdict.downgrade,
            "asserts_run": verdict.asserts_run,
            "environment": verdict.environment,
            "sandbox": verdict.sandbox,
        },
        "pass_rate": rate
        and {"parts_sampled": rate.parts_sampled, "parts_passed": rate.parts_passed, "censored": rate.censored},
        "decontaminated_against": [benchmark.name for benchmark in facts.benchmarks],
        "sample": lineage.sample,
        "recipe": {"name": facts.recipe, "digest": facts.recipe_digest},
        "split": SPLIT,
    }


def generation_of(facts: Facts) -> list[dict[str, Any]]:
    """Which model made a row, step by step; the same for all rows of a run."""
    return [
        {
            "step": teacher.step,
            "model": teacher.call.model,
            "api": teacher.call.api.value,
            "prompt_digest": teacher.prompt_digest,
            "temperature": teacher.call.sampling.temperature,
            "top_p": teacher.call.sampling.top_p,
            "max_tokens": teacher.call.sampling.max_tokens,
        }
        for teacher in facts.teacher
    ]


def messages_of(published: PublishedRow) -> dict[str, Any]:
    """One row as a chat, for trainers."""
    return {
        "id": published.row.id,
        "messages": [
            {"role": "user", "content": published.row.instruction},
            {"role": "assistant", "content": published.row.response},
        ],
    }
