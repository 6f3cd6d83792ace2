# Copies the notebooks into the space, and beside them what they need to know of the stack. A file that somebody has
# changed stays; one that still is as it was brought gives way to a newer one. An app does not start when its script
# fails: this one only tells, in a file beside the folder.
folder="$HOME/fraud-detection"
log="$folder.log"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

fetch() {
    aws ssm get-parameter --name "$PARAMETER" --query Parameter.Value --output text > "$scratch/parameter.json" &&
    archive=$(python3 -c 'import json, sys; print(json.load(sys.stdin)["archive"])' < "$scratch/parameter.json") &&
    aws s3 cp --only-show-errors "$archive" "$scratch/archive.zip" &&
    python3 - "$scratch" "$folder" <<'END'
import hashlib, json, pathlib, sys, zipfile

fetched, folder = map(pathlib.Path, sys.argv[1:])
remembered = folder / ".brought.json"
try:
    brought = json.loads(remembered.read_text())
except (OSError, ValueError):
    brought = {}


def digest(content):
    return hashlib.sha256(content).hexdigest()


with zipfile.ZipFile(fetched / "archive.zip") as archive:
    for name in archive.namelist():
        if name.endswith("/"):
            continue
        target, new = folder / name, archive.read(name)
        there = target.read_bytes() if target.exists() else new
        if there == new or digest(there) == brought.get(name):
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(new)
            brought[name] = digest(new)
folder.mkdir(exist_ok=True)
remembered.write_text(json.dumps(brought, indent=2) + "\n")
stack = json.loads((fetched / "parameter.json").read_text())["stack"]
(folder / "stack.json").write_text(json.dumps(stack, indent=2) + "\n")
END
}

if fetch > "$scratch/told" 2>&1; then
    rm -f "$log"
    echo "The notebooks are in $folder."
else
    { echo "The notebooks could not be copied into $folder:"; cat "$scratch/told"; } | tee "$log"
fi
exit 0
