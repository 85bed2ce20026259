"""The commands by their names, known without click."""

COMMANDS = {
    "train": "train_command:train_command",
    "sample": "sample_command:sample_command",
    "inspect": "inspect_command:inspect_command",
    "runs": "runs_commands:runs_group",
    "completion": "completion_command:completion_command",
    "export": "export_command:export_command",
    "import": "import_command:import_command",
    "lr-range": "lr_range_command:lr_range_command",
    "lab": "lab_command:lab_command",
    "serve": "serve_command:serve_command",
    "step": "step_command:step_command",
    "sweep": "sweep_command:sweep_command",
    "texts": "texts_command:texts_group",
    "pack": "pack_command:pack_command",
    "unpack": "pack_command:unpack_command",
    "report": "report_command:report_command",
    "settings": "settings_command:settings_command",
}
"""The modules of the commands in this package, and what they are called there: each is imported when
it is named, or for the help."""
APP = "app"
"""The command that needs no name: it opens the app."""
COMPLETION = "_TINYGPT_TUI_COMPLETE"
"""The environment variable by which click is asked to complete a line."""
