# The collection service and its review page. Written for a plain engine; see docs/review.md on what was run.
FROM python:3.11-slim AS build
WORKDIR /src
COPY requirements.lock pyproject.toml README.md LICENSE ./
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
COPY agents agents
COPY corpus corpus
COPY db db
COPY evaluation evaluation
COPY training training
RUN /venv/bin/pip install --no-cache-dir --no-deps .

FROM python:3.11-slim
RUN useradd --create-home --uid 1000 curator
COPY --from=build /venv /venv
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1
USER curator
# The key that signs sessions lies here; in a volume it outlives the container.
RUN mkdir -p /home/curator/.local/share/psychohistory
VOLUME /home/curator/.local/share/psychohistory
ENTRYPOINT ["agents"]
CMD ["--help"]
