#!/usr/bin/env bash
# The whole flow, stage by stage, in a folder of its own: what the README's walk does. Needs `make run` once.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH="$PWD/.venv/bin:$PATH"
out=${1:-runs/out/reference}
mkdir -p "$out"
export PSYCHOHISTORY_DB="$out/cases.sqlite"

echo "== 1. Research a period on the shipped archive (no model, no network)"
agents run --period 2018-2022 --domains economics

echo "== 2. Look at what was found"
agents list --min-depth 3
case_id=$(agents list --min-depth 3 --limit 1 --json | python -c 'import json, sys; print(json.load(sys.stdin)[0]["case_id"])')
agents show "$case_id"

echo "== 3. Check its quotations against the stored texts"
agents verify "$case_id" || echo "(some checks failed: see above; a curator decides)"

echo "== 4. Research one event by name"
agents research "Sri Lanka suspends payments on its external debt" --date 2022-04-12

echo "== 5. Back the store up and restore it elsewhere"
rm -f "$out/backup.zip" "$out/restored.sqlite"
agents backup "$out/backup.zip"
agents restore "$out/backup.zip" --db "$out/restored.sqlite"

echo "== 6. The starter snapshot: valid, and can it be gamed?"
corpus validate corpus/starter
corpus audit corpus/starter --texts corpus/starter/archive.jsonl || echo "(exit code $?: 10 is REVIEW)"

echo "== 7. Baselines on its held-out cases, scored with intervals"
rm -rf "$out/baselines"
evaluation baselines corpus/starter --out "$out/baselines"
evaluation run "$out/baselines/tfidf.jsonl" --snapshot corpus/starter || echo "(exit code $?: 10 is REVIEW, 20 FAIL)"

echo "== 8. Train on a synthetic world and judge (the shipped tiny model: it shows every stage and forecasts nothing)"
if python -c 'import torch' 2>/dev/null; then
  rm -rf "$out/world" "$out/trained"
  training synth "$out/world" --cases 400 --world 7
  PSYCHOHISTORY_MODELS="$out/models" training export-and-train --snapshot "$out/world" --out "$out/trained" ||
    echo "(exit code $?: 10 is REVIEW, 20 FAIL)"
  PSYCHOHISTORY_MODELS="$out/models" training models
  training ask "The quarry closes" --context "The mood is strained." --as-of 1900-01-01 --base tiny
else
  echo "(skipped: \`make training\` brings torch)"
fi

agents status
