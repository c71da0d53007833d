# SPDX-License-Identifier: Apache-2.0
# rules check and rules explain as a user meets them.
. "$LZ_SOURCE/tests/e2e/lib.sh"

cat >"$tmp/good.yaml" <<'END'
- list: shells
  items: [bash, sh]
- macro: spawned
  condition: (evt.type = execve and evt.res = SUCCESS)
- rule: Shell in a container
  desc: a shell
  condition: spawned and container.id != host and proc.name in (shells)
  output: shell %proc.name in %container.name
  priority: NOTICE
END
cat >"$tmp/event.json" <<'END'
{"evt.type": "execve", "evt.res": "SUCCESS", "container.id": "abc", "container.name": "web\u001b[31m", "proc.name": "sh"}
END

run lazaret rules check "$tmp/good.yaml"
exits 0 "good rules"
is "$(cat "$out")" "1 rules: 1 ready, 0 disabled; 1 macros, 1 lists, 4 different checks; 0 errors, 0 warnings" "good rules: counted"

sed 's/proc.name in (shells)/proc.nam in (shells)/' "$tmp/good.yaml" >"$tmp/bad.yaml"
run lazaret rules check "$tmp/bad.yaml"
exits 3 "an unknown field"
says "$out" "^$tmp/bad.yaml:7:51: error: rule 'Shell in a container': unknown field \"proc.nam\" \[LOAD_ERR_COMPILE_CONDITION\]$" "an unknown field: file, line and column"
says "$out" '^ +\^$' "an unknown field: the place is pointed at"

cat >"$tmp/all.yaml" <<'END'
- rule: Many shells
  desc: >
    several shells
  condition: evt.type = execve
  output: shells
  priority: NOTICE
  tags: [a, b]
  count: 5
  within: 1m
  respond: >
    look at it
- rule: Shell, then network
  desc: one after the other
  output: both
  priority: NOTICE
  within: 1m
  by: [container.id]
  sequence:
    - condition: evt.type = execve
    - condition: evt.type = connect
END
run lazaret rules check --format json "$tmp/good.yaml" "$tmp/all.yaml"
exits 0 "as JSON: all keys"
is "$(jq -r '.rules[] | [.takes, .description, .respond, (.tags | join("+")), .line] | join("|")' "$out")" \
	'event|a shell|||5
count|several shells|look at it|a+b|1
sequence|one after the other|||12' "as JSON: all keys: what rules are"

run lazaret rules check --format json "$tmp/bad.yaml"
exits 3 "as JSON"
is "$(jq -r '[.valid, .notes[0].line, .notes[0].column, .notes[0].code, .rules[0].usable] | join(" ")' "$out")" "false 7 51 LOAD_ERR_COMPILE_CONDITION false" "as JSON: the same"

if python3 -c 'import jsonschema' 2>/dev/null; then
	holds "as JSON: as its schema says" python3 -c 'import json, sys, jsonschema
schema, answer = (json.load(open(p)) for p in sys.argv[1:])
jsonschema.Draft202012Validator.check_schema(schema)
jsonschema.validate(answer, schema)' "$LZ_SOURCE/data/schema/rules.schema.json" "$out"
else
	skip "as JSON: as its schema says" "python3-jsonschema is not installed"
fi

# What a file holds can't move the cursor, and nothing of it is left out.
printf -- '- rule: "a\\e[2Jb"\n  condition: proc.name = "x\\xff\n  output: o\n  desc: d\n  priority: INFO\n' >"$tmp/rude.yaml"
run lazaret rules check "$tmp/rude.yaml"
exits 3 "a rude file"
is "$(tr -d '\033' <"$out" | wc -c)" "$(wc -c <"$out")" "a rude file: no escape reaches the terminal"
run lazaret rules check --format json "$tmp/rude.yaml"
is "$(jq '.notes | length' "$out")" 1 "a rude file: as JSON"

cat >"$tmp/mine.yaml" <<'END'
- rule: Shell in a container
  condition: and not container.name = web
  override: {condition: append}
END
run lazaret rules check "$tmp/good.yaml" "$tmp/mine.yaml"
exits 0 "a second file changes the first"
run lazaret rules check "$tmp/mine.yaml" "$tmp/good.yaml"
exits 3 "but not the other way round"

run lazaret rules check "$tmp/absent.yaml"
exits 3 "a file that is not there"
says "$err" 'absent.yaml: .*No such file' "a file that is not there: which"
run lazaret rules check
exits 2 "no file"
run lazaret rules check /dev/null
exits 0 "an empty file"
head -c 100000 /dev/urandom >"$tmp/noise"
run lazaret rules check "$tmp/noise"
exits 3 "noise"
says "$out" 'LOAD_ERR_YAML_PARSE' "noise: no YAML"

run lazaret rules explain -r "$tmp/good.yaml" "$tmp/event.json" 'Shell in a container'
exits 0 "explain"
says "$out" '^true +proc.name in bash, sh +value: sh$' "explain: a term and its value"
says "$out" '^Notice: shell sh in web.u001b\[31m$' "explain: the alert, harmless on a terminal"
run sh -c 'jq ".[\"proc.name\"] = \"cat\"" "$1" | "$LAZARET" rules explain -r "$2" - "Shell in a container"' sh "$tmp/event.json" "$tmp/good.yaml"
exits 0 "explain a rule that does not fit"
says "$out" '^false +proc.name in bash, sh +value: cat$' "explain a rule that does not fit: why"
says "$out" 'does not meet this event' "explain a rule that does not fit: said"
run lazaret rules explain -r "$tmp/good.yaml" "$tmp/event.json" 'Shell in container'
exits 3 "explain a rule that is not there"
says "$err" 'did you mean "Shell in a container"' "explain a rule that is not there: the nearest"
run lazaret rules explain "$tmp/event.json"
exits 2 "explain without rules"

cat >"$tmp/several.yaml" <<'END'
- rule: Shell after shell
  desc: two shells
  sequence:
    - condition: evt.type = execve and proc.name = sh
    - condition: evt.type = execve and proc.name in (sh, bash)
  within: 10s
  output: shell %proc.name
  priority: NOTICE
END
run lazaret rules check "$tmp/several.yaml"
exits 0 "a sequence"
run lazaret rules explain -r "$tmp/several.yaml" "$tmp/event.json" 'Shell after shell'
exits 0 "explain a sequence"
says "$out" 'the event counts for this rule, which looks at several' "explain a sequence: an event is but one"
sed 's/^  within: .*/  within: 10/' "$tmp/several.yaml" >"$tmp/bad.yaml"
run lazaret rules check "$tmp/bad.yaml"
exits 3 "a time without its unit"
says "$out" "^$tmp/bad.yaml:6:11: error: rule 'Shell after shell': \"within\" must be a time" "a time without its unit: file, line and column"

lazaret list fields | sed -E 's/\|/\\|/g; s/^([^ ]+) +([^ ]+) +(.*)$/| `\1` | \2 | \3 |/' >"$tmp/fields"
grep '^| `' "$LZ_SOURCE/docs/fields.md" >"$tmp/documented"
is "$(diff "$tmp/fields" "$tmp/documented" | head -n 3)" "" "docs/fields.md is what the program says of every field"

run lazaret rules check "$LZ_SOURCE/data/rules/runtime"
exits 0 "the set of our own, a folder"
says "$out" ' 0 errors, 0 warnings$' "the set of our own: nothing to say against it"
lazaret rules check --format json "$LZ_SOURCE/data/rules/runtime" | jq -r '.rules[].name' | sort >"$tmp/names"
sed -n 's/^| \([A-Z][^|]*[a-z]\) | .* | .*|$/\1/p' "$LZ_SOURCE/docs/rules-runtime.md" | sort >"$tmp/documented"
is "$(diff "$tmp/names" "$tmp/documented" | head -n 3)" "" "docs/rules-runtime.md has every rule and no other"
mkdir "$tmp/set"
cp "$tmp/good.yaml" "$tmp/set/b.yml"
printf 'no rules\n' >"$tmp/set/a.txt"
run lazaret rules check "$tmp/set"
exits 0 "a folder: its rule files only"
sed 's/  priority: NOTICE/  priority: NOTICE\n  respond: look who it was/' "$tmp/good.yaml" >"$tmp/respond.yaml"
run lazaret rules check "$tmp/respond.yaml"
is "$(cat "$err" "$out" | grep -c UNKNOWN_KEY)" 0 "respond is a key"

for file in falco_rules falco-incubating_rules falco-sandbox_rules; do
	if path=$(shared "compat/falco/$file.yaml" 2>/dev/null); then
		run lazaret rules check -q "$path"
		exits 0 "$file loads unchanged"
	else
		skip "$file loads unchanged" "../shared is absent"
	fi
done
done_testing
