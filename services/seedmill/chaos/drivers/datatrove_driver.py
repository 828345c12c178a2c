"""datatrove: an InferenceRunner with checkpoints. It has two ways to a server, of which this takes the URL's.

For a server on localhost it sends requests by itself, without retries of statuses; for any other by OpenAI's client.
"""

import json
import os
from pathlib import Path

from options import made, options

given = options()

from datatrove.data import Document  # noqa: E402
from datatrove.executor import LocalPipelineExecutor  # noqa: E402
from datatrove.pipeline.inference.run_inference import InferenceConfig, InferenceRunner  # noqa: E402
from datatrove.pipeline.writers import JsonlWriter  # noqa: E402

remote = "DATATROVE_REMOTE" in os.environ
url = given.url.replace("127.0.0.1", "127.0.0.2") if remote else given.url.removesuffix("/v1")
output = given.folder / "output"


async def rollout(document: Document, generate) -> object:
    """One prompt, one answer."""
    turns = [{"role": "user", "content": document.text}]
    return await generate({"messages": turns, "max_tokens": 1536})


executor = LocalPipelineExecutor(
    pipeline=[
        [Document(text=text, id=str(number)) for number, text in enumerate(given.prompts)],
        InferenceRunner(
            rollout_fn=rollout,
            config=InferenceConfig(
                server_type="endpoint",
                model_name_or_path=given.model,
                endpoint_url=url,
                api_key="none",
                max_concurrent_generations=given.at_once,
                request_timeout=given.timeout,
                metric_interval=3600,
            ),
            output_writer=JsonlWriter(
                str(output), output_filename="${rank}_chunk_${chunk_index}.jsonl", compression=None
            ),
            checkpoints_local_dir=str(given.folder / "checkpoints"),
            records_per_chunk=1000,
            skip_bad_requests=True,
        ),
    ],
    logging_dir=str(given.folder / "logs"),
    skip_completed=False,
)
executor.run()
rows = [json.loads(line) for file in sorted(Path(output).rglob("*.jsonl")) for line in file.read_text().splitlines()]
made(len({row["id"] for row in rows if row["metadata"].get("rollout_results")}))
