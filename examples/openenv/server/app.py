"""Serve the environments in text: `python -m server.app --port 8000`, in this folder."""

import argparse

import uvicorn

import progressgym.envs.text.shells.openenv_server as shell

app = shell.make_app()


def main() -> None:
    """Serve until stopped."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    arguments = parser.parse_args()
    uvicorn.run(app, host=arguments.host, port=arguments.port, log_level="warning")


if __name__ == "__main__":
    main()
