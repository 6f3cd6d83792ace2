# Copies the notebooks into the space, and beside them what they need to know of the stack. A file that is there
# already is somebody's work, and stays. An app does not start when its script fails: this one only tells, in a file
# beside the folder.
folder="$HOME/fraud-detection"
log="$folder.log"
told=$(mktemp)

fetch() {
    fetched=$(mktemp -d) &&
    aws ssm get-parameter --name "$PARAMETER" --query Parameter.Value --output text > "$fetched/parameter.json" &&
    archive=$(python3 -c 'import json, sys; print(json.load(sys.stdin)["archive"])' < "$fetched/parameter.json") &&
    aws s3 cp --only-show-errors "$archive" "$fetched/archive.zip" &&
    python3 - "$fetched" "$folder" <<'END'
import json, pathlib, sys, zipfile

fetched, folder = map(pathlib.Path, sys.argv[1:])
with zipfile.ZipFile(fetched / "archive.zip") as archive:
    for name in archive.namelist():
        target = folder / name
        if not name.endswith("/") and not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(archive.read(name))
folder.mkdir(exist_ok=True)
stack = json.loads((fetched / "parameter.json").read_text())["stack"]
(folder / "stack.json").write_text(json.dumps(stack, indent=2) + "\n")
END
}

if fetch > "$told" 2>&1; then
    rm -f "$log"
else
    { echo "The notebooks could not be copied into $folder:"; cat "$told"; } > "$log"
fi
exit 0
