"""The figures of one server."""

from __future__ import annotations

from runtime.engine.interface import FinishReason, Usage
from runtime.openai.admission import Admission
from runtime.openai.metrics import Metrics


def lines(metrics: Metrics) -> list[str]:
    return metrics.emit().decode().splitlines()


def test_both_names_count_the_same() -> None:
    metrics = Metrics("m", Admission(4, 4))
    metrics.add_usage(Usage(10, 20, 4, 2.0, 4.0))
    found = lines(metrics)
    for line in (
        "llamacpp:prompt_tokens_total 10.0",
        'vllm:prompt_tokens_total{model_name="m"} 10.0',
        "llamacpp:prompt_tokens_cached_total 4.0",
        "llamacpp:prompt_tokens_seconds 3.0",
        "llamacpp:predicted_tokens_seconds 5.0",
    ):
        assert line in found


def test_an_answer_of_one_token_has_no_rate() -> None:
    metrics = Metrics("m", Admission(4, 4))
    metrics.add_usage(Usage(10, 20, 4, 2.0, 4.0))
    metrics.add_usage(Usage(10, 1, 4, 2.0, 0.000001))
    assert "llamacpp:predicted_tokens_seconds 5.0" in lines(metrics)
    assert "llamacpp:tokens_predicted_total 21.0" in lines(metrics)


def test_gauges_follow_the_admission() -> None:
    admission = Admission(4, 4)
    metrics = Metrics("m", admission)
    admission.busy = 3
    assert "llamacpp:requests_processing 3.0" in lines(metrics)
    assert "vllm:num_requests_waiting 0.0" in lines(metrics)


def test_clock_counts_first_and_later_tokens_apart() -> None:
    metrics = Metrics("m", Admission(4, 4))
    clock = metrics.clock()
    clock.started()
    for choice in (0, 0, 1, 0):
        clock.piece(choice)
    clock.finished(FinishReason.STOP)
    clock.ended()
    found = lines(metrics)
    assert 'vllm:time_to_first_token_seconds_count{model_name="m"} 1.0' in found
    assert 'vllm:inter_token_latency_seconds_count{model_name="m"} 2.0' in found
    assert 'vllm:request_success_total{finished_reason="stop",model_name="m"} 1.0' in found
    metrics.count_prompt(5)
    assert "llamacpp:prompt_tokens_total 5.0" in lines(metrics)


def test_two_servers_do_not_share_figures() -> None:
    one, other = Metrics("a", Admission(1, 1)), Metrics("b", Admission(1, 1))
    one.loaded(2.5)
    assert "runm_model_load_seconds 2.5" in lines(one)
    assert "runm_model_load_seconds 0.0" in lines(other)
