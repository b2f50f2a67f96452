"""A real Label Studio for tests: started from an empty data folder, stopped by its process."""

import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

KEY = "0123456789abcdef0123456789abcdef01234567"  # of this test's own server, which lives for its duration
USER, PASSWORD = "first@example.com", "a-password-of-the-test"
BINARY = os.environ.get("LABEL_STUDIO_BIN", "")


def _environment(folder: Path) -> dict[str, str]:
    quiet = {"SENTRY_DSN": "", "FRONTEND_SENTRY_DSN": "", "COLLECT_ANALYTICS": "0", "LATEST_VERSION_CHECK": "0"}
    # the ML backend of a test listens on 127.0.0.1
    local = {"LABEL_STUDIO_ML_BLOCK_LOCAL_IP": "0", "LABEL_STUDIO_SSRF_PROTECTION_ENABLED": "0"}
    place = {"DJANGO_DB": "sqlite", "LABEL_STUDIO_BASE_DATA_DIR": str(folder), "HOME": str(folder)}
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | quiet | local | place


def migrated(folder: Path) -> Path:
    """An empty data folder whose database is set up, which takes a minute; made once."""
    if not folder.exists():
        partial = folder.with_name(f"{folder.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        with (partial / "migrate.log").open("wb") as log:
            subprocess.run(
                [BINARY, "version"],
                env=_environment(partial),
                stdout=log,
                stderr=log,
                cwd=partial,
                check=True,
                timeout=900,
            )
        partial.rename(folder)
    return folder


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def answers(url: str, headers: dict[str, str]) -> bool:
    """Whether an address answers with status 200."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


@contextmanager
def wait_for(command: list[str], log: Path, ready: str, headers: dict[str, str], **options: object) -> Iterator[None]:
    """Run a command while the block runs, from when an address answers; RuntimeError when it never does."""
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, **options)  # type: ignore[call-overload]
        try:
            end = time.monotonic() + 300
            while not answers(ready, headers):
                if process.poll() is not None or time.monotonic() > end:
                    raise RuntimeError(f"{command[0]} does not answer:\n{log.read_text(errors='replace')[-3000:]}")
                time.sleep(0.5)
            yield
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def running(empty: Path, folder: Path) -> Iterator[str]:
    """The address of a Label Studio that runs on a copy of an empty data folder."""
    shutil.copytree(empty, folder)
    port = free_port()
    command = [BINARY, "start", "--no-browser", "--internal-host", "127.0.0.1", "--port", str(port)]
    command += ["--username", USER, "--password", PASSWORD, "--user-token", KEY, "--enable-legacy-api-token"]
    url = f"http://127.0.0.1:{port}"
    whoami = f"{url}/api/current-user/whoami"
    headers = {"Authorization": f"Token {KEY}"}
    with wait_for(command, folder / "server.log", whoami, headers, env=_environment(folder), cwd=folder):
        yield url
