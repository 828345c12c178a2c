"""NVIDIA Data Designer: a seed table of prompts and one text column. Resuming is off by default; it is on here."""

from options import made, options

given = options()

import pandas as pd  # noqa: E402
from data_designer.config import models  # noqa: E402
from data_designer.config.column_configs import LLMTextColumnConfig  # noqa: E402
from data_designer.config.config_builder import DataDesignerConfigBuilder  # noqa: E402
from data_designer.config.seed_source import LocalFileSeedSource  # noqa: E402
from data_designer.engine.storage.artifact_storage import ResumeMode  # noqa: E402
from data_designer.interface import DataDesigner  # noqa: E402

table = given.folder / "prompts.parquet"
if not table.exists():
    pd.DataFrame({"question": given.prompts}).to_parquet(table)
inference = models.ChatCompletionInferenceParams(
    max_parallel_requests=given.at_once, timeout=max(1, int(given.timeout)), max_tokens=1536
)
teacher = models.ModelConfig(
    alias="teacher", model=given.model, provider="engine", inference_parameters=inference, skip_health_check=True
)
builder = DataDesignerConfigBuilder(model_configs=[teacher])
builder.with_seed_dataset(LocalFileSeedSource(path=str(table)))
builder.add_column(LLMTextColumnConfig(name="answer", prompt="{{ question }}", model_alias="teacher"))
designer = DataDesigner(
    artifact_path=given.folder / "artifacts",
    model_providers=[models.ModelProvider(name="engine", endpoint=given.url, api_key="none")],
)
results = designer.create(builder, num_records=len(given.prompts), resume=ResumeMode.IF_POSSIBLE)
made(int(results.load_dataset()["answer"].astype(bool).sum()))
