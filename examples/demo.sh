#!/usr/bin/env bash
# Three datasets in demo/, each with its report: one without a model, two with the embedded stand-in teacher.
set -euo pipefail
cd "$(dirname "$0")/.."
seedmill=${SEEDMILL:-.venv/bin/seedmill}
started=$SECONDS

for example in comment-function self-oss-instruct oss-instruct; do
    printf '\n== %s\n' "$example"
    "$seedmill" run "examples/$example.yaml" --workdir demo
done

printf '\nThree datasets in %d s. Their reports:\n' $((SECONDS - started))
ls demo/runs/local/*/dataset/*/report.html
