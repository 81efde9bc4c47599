"""Conversations written as the models were trained to see them."""

from itertools import pairwise

import pytest
from jinja2.exceptions import SecurityError

from workers.engines import ChatMessage
from workers.language.prompt import CHATML, PLAIN, ChatTemplate

SYSTEM = ChatMessage("system", "Be kind.")
HI = ChatMessage("user", "Hi")
HELLO = ChatMessage("assistant", "Hello!")
STRICT = (
    "{{ bos_token }}{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system') }}{% endif %}"
    "{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('roles must alternate') }}{% endif %}"
    "<{{ m.role }}>{{ m.content }}{% endfor %}{% if add_generation_prompt %}<model>{% endif %}"
)
SILENT = "{% for m in messages if m.role != 'system' %}<{{ m.role }}>{{ m.content }}{% endfor %}"


def test_chatml_is_written_as_it_is():
    assert ChatTemplate(CHATML).render([SYSTEM, HI]) == (
        "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
    )


def test_a_model_without_a_system_role_is_told_in_the_first_message():
    assert ChatTemplate(STRICT, bos="<s>").render([SYSTEM, HI, HELLO, HI]) == (
        "<s><user>Be kind.\n\nHi<assistant>Hello!<user>Hi<model>"
    )


def test_a_template_that_leaves_the_system_out_is_found_out():
    assert ChatTemplate(SILENT).render([SYSTEM, HI]) == "<user>Be kind.\n\nHi"


def test_a_model_that_wants_the_user_first_gets_it():
    assert ChatTemplate(STRICT).render([SYSTEM, HELLO, HI]) == "<user>Be kind.\n\n...<assistant>Hello!<user>Hi<model>"


def test_a_base_model_reads_a_play():
    assert ChatTemplate(PLAIN).render([SYSTEM, HI]) == "Be kind.\n\nUser: Hi\n\nAssistant:"


def test_thinking_is_switched_off_where_the_template_knows_how():
    template = CHATML + "{% if enable_thinking is false %}<think>\n\n</think>\n\n{% endif %}"
    assert ChatTemplate(template).render([HI]).endswith("<think>\n\n</think>\n\n")


def test_thoughts_that_the_template_opens_are_closed():
    assert ChatTemplate(CHATML + "<think>\n").render([HI]).endswith("assistant\n<think>\n\n</think>\n\n")


def test_a_template_can_not_reach_out_of_its_sandbox():
    template = ChatTemplate("{% if messages | length == 1 %}{{ messages.__class__.__mro__ }}{% endif %}")
    with pytest.raises(SecurityError):
        template.render([HI])


def test_prompts_of_a_growing_conversation_begin_the_same():
    turns = [[SYSTEM, HI], [SYSTEM, HI, HELLO, HI], [SYSTEM, HI, HELLO, HI, HELLO, HI]]
    prompts = [ChatTemplate(CHATML).render(turn) for turn in turns]
    assert all(later.startswith(earlier) for earlier, later in pairwise(prompts))
