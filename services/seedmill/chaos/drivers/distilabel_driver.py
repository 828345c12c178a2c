"""distilabel: `LoadDataFromDicts >> TextGeneration(OpenAILLM)`, with its cache, batches as large as the window."""

from options import made, options

given = options()

from distilabel.models import OpenAILLM  # noqa: E402
from distilabel.pipeline import Pipeline  # noqa: E402
from distilabel.steps import LoadDataFromDicts  # noqa: E402
from distilabel.steps.tasks import TextGeneration  # noqa: E402

if __name__ == "__main__":
    with Pipeline(name="chaos", cache_dir=str(given.folder / "cache")) as pipeline:
        load = LoadDataFromDicts(data=[{"instruction": text} for text in given.prompts], batch_size=given.at_once)
        llm = OpenAILLM(
            model=given.model,
            base_url=given.url,
            api_key="none",  # type: ignore[arg-type]
            timeout=max(1, int(given.timeout)),
            generation_kwargs={"max_new_tokens": 1536},
        )
        load >> TextGeneration(llm=llm, input_batch_size=given.at_once)
    distiset = pipeline.run(use_cache=True)
    rows = distiset["default"]["train"]
    made(sum(1 for row in rows if row["generation"]))
