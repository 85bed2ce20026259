"""`tinygpt-tui import` as it is called."""

import json
from pathlib import Path

from command_line import invoked
from driving import saved_run

from engine.storage.paths import run_names


def test_an_exported_run_is_imported(verse_file: Path, tmp_path: Path) -> None:
    run = saved_run(verse_file)
    folder = tmp_path / "out"
    assert invoked("export", run, "--format", "hf", "-o", folder).exit_code == 0
    done = invoked("import", folder, "--name", "my own", "--text", verse_file)
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout == (
        "Imported as my own, at step 20. It has the text that it was trained on: verse.txt. "
        "Go on with: tinygpt-tui --run 'my own' (--no-save: without changing it)\n"
    )
    written = [
        invoked("sample", name, "--chars", 30, "--no-prompt").stdout for name in (run, "my own")
    ]
    assert written[0] == written[1]

    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "model_type": "llama"}))
    done = invoked("import", folder)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("This is a model of the family 'llama': only folders that ")
    assert run_names() == sorted([run, "my own"])
