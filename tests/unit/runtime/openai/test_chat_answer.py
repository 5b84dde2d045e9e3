"""Chat answers; whole streams are test_chat's."""

from __future__ import annotations

from runtime.engine.interface import ToolCallPiece
from runtime.openai.chat_answer import emit_choice, emit_tool_piece
from runtime.openai.collect import Collected, ToolCall


def test_tool_pieces() -> None:
    assert emit_tool_piece(ToolCallPiece(0, "i", "f", "")) == {
        "index": 0, "id": "i", "type": "function", "function": {"name": "f", "arguments": ""},
    }  # fmt: skip
    assert emit_tool_piece(ToolCallPiece(0, arguments="{")) == {"index": 0, "function": {"arguments": "{"}}


def test_a_choice_with_tool_calls_has_no_empty_content() -> None:
    call = ToolCall(id="c1", name="add", arguments="{}")
    message = emit_choice(0, Collected(tool_calls=[call], finish="tool_calls"))["message"]
    function = {"name": "add", "arguments": "{}"}
    assert message["content"] is None
    assert message["tool_calls"] == [{"id": "c1", "type": "function", "function": function}]
    assert "reasoning_content" not in message
