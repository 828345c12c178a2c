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

cat <<END

Three datasets in $((SECONDS - started)) s. The embedded teacher is a stand-in of 135 million parameters: nearly all that it
writes is rejected, each candidate with its reason, so its two datasets are there to be looked at, not trained on. For rows
worth having, give a real model:

    $seedmill run examples/self-oss-instruct.yaml --teacher URL --model NAME

Open the reports in a browser:
END
printf '    %s\n' demo/runs/local/*/dataset/*/report.html
