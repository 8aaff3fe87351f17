"""`training deploy`: the server of trees as an endpoint on Modal."""

from __future__ import annotations

import click

from corpus.commandline import print_json


@click.command(epilog="Example: training deploy --base Qwen/Qwen3-0.6B --run first-export-and-train-0123456789 "
                      "--stage score")  # fmt: skip
@click.option("--base", required=True, help="The base model, by its name on the hub.")
@click.option(
    "--run", default="", help="A run on Modal, by the name it was started under; the base alone without it."
)
@click.option(
    "--stage",
    type=click.Choice(["", "sft", "score", "grpo"]),
    default="",
    help="The stage of a pipeline's run.",
)
@click.option("--gpu", help="The GPU; the cheapest that holds the model without it.")
@click.option(
    "--warm",
    type=click.IntRange(0, 1),
    default=0,
    show_default=True,
    help="Containers kept ready: 1 answers at once and costs all the time, 0 starts when it is asked.",
)
@click.option(
    "--idle",
    type=click.IntRange(2, 3600),
    default=300,
    show_default=True,
    help="Seconds after the last request before the container ends.",
)
@click.option(
    "--depth", type=click.IntRange(1, 5), default=3, show_default=True, help="Where a request names none."
)
@click.option(
    "--branches", type=click.IntRange(1, 8), default=4, show_default=True, help="Where a request names none."
)
@click.option("--rate", type=click.IntRange(1), default=30, show_default=True, help="Trees a minute and key.")
@click.option("--json", "as_json", is_flag=True, help="Print address and price as JSON.")  # fmt: skip
def deploy(
    base: str,
    run: str,
    stage: str,
    gpu: str | None,
    warm: int,
    idle: int,
    depth: int,
    branches: int,
    rate: int,
    as_json: bool,
) -> None:
    """Serve a run's model on Modal: the same API, page and limits as `training serve`, behind API keys.

    The keys stand in Modal's secret psychohistory-serve. It goes on until: modal app stop psychohistory-serve.
    """
    from training.backends.modal_cloud import ModalCloud

    ModalCloud().check()
    from training.quiet import quiet_libraries

    quiet_libraries()
    from training.backends.modal_deploy import Endpoint, gpu_for_serving
    from training.backends.modal_deploy import deploy as deploy_endpoint
    from training.backends.serving import ServeOrder
    from training.config import Lora
    from training.planning.prices import read_prices
    from training.planning.shapes import shape_of

    prices = read_prices()
    chosen = gpu_for_serving(shape_of(base, Lora()), prices, gpu)
    hourly = prices.usd_per_second(chosen) * 3600
    click.echo(
        f"{chosen.name}: about ${hourly:.2f} for each hour that a container runs ({prices.source.date}).",
        err=True,
    )
    order = ServeOrder(base=base, run=run, stage=stage, depth=depth, branches=branches, a_minute=rate)
    address = deploy_endpoint(Endpoint(order, chosen.name, warm, idle))
    if as_json:
        print_json(
            {
                "url": address,
                "gpu": chosen.name,
                "usd_per_hour": round(hourly, 4),
                "order": order.model_dump(),
            }
        )
        return
    click.echo(f"{address} serves {run or base}; ask POST {address}/generate_tree with a key.")
