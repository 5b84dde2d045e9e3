"""Figures in Prometheus' text form, under llama-server's names, vLLM's names (dashboards and scalers know
those), and `runm_` for what neither has."""

from __future__ import annotations

import time

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.exposition import generate_latest

from runtime.engine.interface import FinishReason, Usage
from runtime.openai.admission import Admission

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_FIRST_TOKEN_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
_TOKEN_S = (0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1, 2.5)
_REQUEST_S = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)
_WAIT_S = (0.001, 0.01, 0.05, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120)

disable_created_metrics()  # type: ignore[no-untyped-call]


class Metrics:
    """All figures of one server."""

    def __init__(self, model: str, admission: Admission) -> None:
        self._registry = CollectorRegistry()
        self._model = model
        self.requests = Counter(
            "runm_requests_total", "HTTP requests.", ["route", "status"], registry=self._registry
        )
        self.aborted = Counter("runm_aborted_total", "Clients that left early.", registry=self._registry)
        self._load_s = self._gauge("runm_model_load_seconds", "Time that loading the model took.")
        self._prompt = self._both(
            "llamacpp:prompt_tokens_total", "vllm:prompt_tokens_total", "Prompt tokens."
        )
        self._cached = self._both(
            "llamacpp:prompt_tokens_cached_total",
            "vllm:prefix_cache_hits_total",
            "Prompt tokens from the cache.",
        )
        self._predicted = self._both(
            "llamacpp:tokens_predicted_total", "vllm:generation_tokens_total", "Generated tokens."
        )
        self._prompt_s = self._plain_counter("llamacpp:prompt_seconds_total", "Time spent on prompts.")
        self._predicted_s = self._plain_counter(
            "llamacpp:tokens_predicted_seconds_total", "Time spent on answers."
        )
        self._prompt_rate = self._gauge(
            "llamacpp:prompt_tokens_seconds", "Prompt tokens per second, last request."
        )
        self._predicted_rate = self._gauge(
            "llamacpp:predicted_tokens_seconds", "Generated tokens per second, last request."
        )
        for name in ("llamacpp:requests_processing", "vllm:num_requests_running"):
            self._gauge(name, "Slots in use.").set_function(lambda: admission.busy)
        for name in ("llamacpp:requests_deferred", "vllm:num_requests_waiting"):
            self._gauge(name, "Requests that wait for a slot.").set_function(lambda: admission.waiting)
        self.first_token_s = self._histogram(
            "time_to_first_token_seconds", "To the first token.", _FIRST_TOKEN_S
        )
        self.inter_token_s = self._histogram("inter_token_latency_seconds", "Between tokens.", _TOKEN_S)
        self.per_token_s = self._histogram("time_per_output_token_seconds", "Between tokens.", _TOKEN_S)
        self.request_s = self._histogram("e2e_request_latency_seconds", "Whole generations.", _REQUEST_S)
        self.wait_s = self._histogram("request_queue_time_seconds", "Waiting for a slot.", _WAIT_S)
        self.success = Counter(
            "vllm:request_success_total", "Choices by how they ended.", ["model_name", "finished_reason"],
            registry=self._registry,
        )  # fmt: skip

    def loaded(self, seconds: float) -> None:
        self._load_s.set(seconds)

    def clock(self) -> GenerationClock:
        return GenerationClock(self)

    def add_usage(self, usage: Usage) -> None:
        for counter in self._prompt:
            counter.inc(usage.prompt_tokens)
        for counter in self._cached:
            counter.inc(usage.cached_tokens)
        for counter in self._predicted:
            counter.inc(usage.completion_tokens)
        self._prompt_s.inc(usage.prompt_s)
        self._predicted_s.inc(usage.generation_s)
        if usage.prompt_s > 0:
            self._prompt_rate.set((usage.prompt_tokens - usage.cached_tokens) / usage.prompt_s)
        if usage.completion_tokens > 1 and usage.generation_s > 0:  # the time begins with the first token
            self._predicted_rate.set(usage.completion_tokens / usage.generation_s)

    def count_prompt(self, tokens: int) -> None:
        """Tokens that were read but not answered: embeddings."""
        for counter in self._prompt:
            counter.inc(tokens)

    def finished(self, reason: FinishReason) -> None:
        self.success.labels(self._model, str(reason)).inc()

    def emit(self) -> bytes:
        """The text that a scraper reads."""
        return generate_latest(self._registry)

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(name, text, registry=self._registry)

    def _plain_counter(self, name: str, text: str) -> Counter:
        return Counter(name, text, registry=self._registry)

    def _both(self, ours: str, vllm: str, text: str) -> tuple[Counter, Counter]:
        other = Counter(vllm, text, ["model_name"], registry=self._registry)
        return Counter(ours, text, registry=self._registry), other.labels(self._model)

    def _histogram(self, name: str, text: str, buckets: tuple[float, ...]) -> Histogram:
        family = Histogram(f"vllm:{name}", text, ["model_name"], buckets=buckets, registry=self._registry)
        return family.labels(self._model)


class GenerationClock:
    """The times of one generation."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._arrived = time.monotonic()
        self._last: dict[int, float] = {}

    def started(self) -> None:
        self._metrics.wait_s.observe(time.monotonic() - self._arrived)

    def piece(self, choice: int) -> None:
        now = time.monotonic()
        if not self._last:
            self._metrics.first_token_s.observe(now - self._arrived)
        if (last := self._last.get(choice)) is not None:
            self._metrics.inter_token_s.observe(now - last)
            self._metrics.per_token_s.observe(now - last)
        self._last[choice] = now

    def finished(self, reason: FinishReason) -> None:
        self._metrics.finished(reason)

    def usage(self, usage: Usage) -> None:
        self._metrics.add_usage(usage)

    def aborted(self) -> None:
        self._metrics.aborted.inc()

    def ended(self) -> None:
        self._metrics.request_s.observe(time.monotonic() - self._arrived)
