"""Which wheel of llama-cpp-python a clone may take from the home."""

from pathlib import Path

import pytest

from deploy.llama import SWITCHED_OFF, Wheel, home, wheel


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    folder = tmp_path / "clone"
    folder.mkdir()
    (folder / "requirements.txt").write_text("kombu==5.7.0\nllama-cpp-python==0.3.36\n    # via all.in\nlibrt==1\n")
    return folder


def made(clone: Path, flags: str = "flags: avx2", **environment: str) -> Wheel:
    cpuinfo = clone / "cpuinfo"
    cpuinfo.write_text(f"processor: 0\n{flags}\n")
    return wheel({"PRIYA_HOME": str(clone.parent / "home"), **environment}, clone, cpuinfo)


def test_pinned_version_is_asked_for(clone: Path):
    assert made(clone).requirement == "llama-cpp-python==0.3.36"


def test_what_the_user_gives_cmake_comes_after_ours(clone: Path):
    assert made(clone, CMAKE_ARGS="-DGGML_CUDA=ON").cmake_args == " ".join((*SWITCHED_OFF, "-DGGML_CUDA=ON"))


def test_second_clone_finds_the_wheel(clone: Path, tmp_path: Path):
    with made(clone).draft() as draft:
        (draft / "llama_cpp_python-0.3.36-py3-none-any.whl").touch()
    second = tmp_path / "second"
    second.mkdir()
    (second / "requirements.txt").write_text((clone / "requirements.txt").read_text())

    assert made(second).is_built()


def test_other_arguments_or_another_processor_need_another_wheel(clone: Path):
    folders = {made(clone).folder, made(clone, CMAKE_ARGS="-DX=1").folder, made(clone, "flags: avx512").folder}

    assert len(folders) == 3


def test_broken_build_leaves_nothing(clone: Path):
    wanted = made(clone)

    def build() -> None:
        with wanted.draft() as draft:
            (draft / "llama_cpp_python-0.3.36-py3-none-any.whl").touch()
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        build()

    assert not wanted.is_built()
    assert list(wanted.folder.parent.iterdir()) == []


def test_home_is_read_from_the_env_file(clone: Path):
    (clone / ".env").write_text("# PRIYA_HOME=/no\nPRIYA_HOME = '/data/priya'\n")

    assert home({}, clone) == Path("/data/priya")


def test_environment_wins_over_the_env_file(clone: Path):
    (clone / ".env").write_text("PRIYA_HOME=/data/priya\n")

    assert home({"PRIYA_HOME": "/other"}, clone) == Path("/other")
