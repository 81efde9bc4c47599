"""``python -m workers.language.measure``: the figures of docs/language.md, made on this machine."""

import argparse
import os
import statistics
import subprocess
import sys
import time
from dataclasses import replace
from typing import Final

import psutil
from loguru import logger

from config.models import verified_folder
from config.settings import Settings, load_settings
from workers.engines import ChatMessage, Conversation
from workers.language.llama import LlamaChat, fitting_shape
from workers.language.native import ContextShape, NativeModel

PERSONA: Final = (
    "You are Priya, a 23-year-old woman from India and the user's best friend. You are warm and a little teasing. " * 10
)
"""About 250 tokens."""
QUESTION: Final = "I had such a long day at work. What should I cook for dinner tonight?"
ANSWER_TOKENS: Final = 40
COLUMNS: Final = "prompt cold ms | new talk ms | second turn ms | tokens/s | CPU ms a token | memory MB"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5, help="medians are of this many runs")
    parser.add_argument("--busy", action="store_true", help="while another process keeps one core busy")
    chosen = parser.parse_args()
    logger.remove()
    settings = load_settings()
    model = NativeModel(next(verified_folder(settings.models_folder, settings.language_model).glob("*.gguf")))
    print(
        f"{settings.language_model}; {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; medians of {chosen.repeats}"
    )
    print(f"{'':34}| {COLUMNS}")
    neighbour = subprocess.Popen([sys.executable, "-c", "while True: pass"]) if chosen.busy else None
    try:
        for name, shape in _shapes(fitting_shape(model, settings.context_tokens)).items():
            _measure(name, model, settings, shape, chosen.repeats)
    finally:
        if neighbour:
            neighbour.kill()
            neighbour.wait()


def _shapes(ours: ContextShape) -> dict[str, ContextShape]:
    return {
        f"ours ({ours.idle_threads or ours.threads} at most, {ours.threads_batch} reading)": ours,
        "1 thread for both": replace(ours, threads=1, threads_batch=1, idle_threads=0),
        "2 threads for both": replace(ours, threads=2, threads_batch=2, idle_threads=0),
        "batches of 128": replace(ours, batch=128),
        "no flash attention": replace(ours, flash_attention=False),
        "8-bit cache": replace(ours, flash_attention=True, kv_type=8),
    }


def _measure(name: str, model: NativeModel, settings: Settings, shape: ContextShape, repeats: int) -> None:
    chat = LlamaChat(model, settings.context_tokens, shape=shape)
    chat.warm_up("Hi")
    rows = [_talk(chat, n) for n in range(repeats)]
    medians = [statistics.median(column) for column in zip(*rows, strict=True)]
    memory = psutil.Process().memory_info().rss / 1e6
    cells = [
        f"{medians[0]:14.0f}",
        f"{medians[1]:11.0f}",
        f"{medians[2]:14.0f}",
        f"{medians[3]:8.1f}",
        f"{medians[4]:14.1f}",
    ]
    print(f"{name:34}| {' | '.join(cells)} | {memory:9.0f}", flush=True)
    chat.close()


def _talk(chat: LlamaChat, number: int) -> tuple[float, float, float, float, float]:
    """Times to first token for a prompt never seen, a second conversation with the same persona, and its second
    turn, in ms; then tokens a second and CPU milliseconds a token while writing."""
    system = ChatMessage("system", f"Talk {number}. {PERSONA}")
    ask = (system, ChatMessage("user", QUESTION))
    cold, _, _, _ = _time(chat, Conversation(f"a{number}", ask, max_tokens=1, seed=number))
    new, rate, cpu, answer = _time(chat, Conversation(f"b{number}", ask, max_tokens=ANSWER_TOKENS))
    again = (*ask, ChatMessage("assistant", answer or "Pasta!"), ChatMessage("user", "Okay, and then what?"))
    second, _, _, _ = _time(chat, Conversation(f"b{number}", again, max_tokens=1, seed=number))
    return cold, new, second, rate, cpu


def _time(chat: LlamaChat, conversation: Conversation) -> tuple[float, float, float, str]:
    before = chat.tokens_generated
    started = time.perf_counter()
    first_at = cpu_at = 0.0
    answer = ""
    for delta in chat.reply(conversation):
        if not first_at and chat.tokens_generated > before:
            first_at, cpu_at = time.perf_counter(), time.process_time()
        answer += delta.text
    written = max(1, chat.tokens_generated - before - 1)
    seconds = time.perf_counter() - first_at
    return (first_at - started) * 1000, written / seconds, (time.process_time() - cpu_at) * 1000 / written, answer


if __name__ == "__main__":
    main()
