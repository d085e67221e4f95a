"""What must hold in a trading run, by name: looked at while it runs (`watch.py`) or at its end (`ending.py`)."""

from __future__ import annotations

from tests.campaign.trading.seen import Seen

#: Every invariant and what it says.
ALL: dict[str, str] = {
    "run_ends": "no deadlock, no livelock, no task left behind, no error that nobody took",
    "use_cases_answer": "what a person asks for is done, or refused in the product's own words",
    "services_run": "after healing every service and every bot runs, and nothing keeps the desk from trading",
    "trades_again": "after healing an order by hand goes through on each account",
    "ledger_equals_live_state": "the ledger folded anew is what the engine has in memory, to the last digit",
    "chains_and_rows_hold": "every chain is whole, and the rows belong together",
    "an_independent_fold_agrees": "a fold written apart from the product comes to the same",
    "money_equals_the_exchanges": "the exchange's own books have the same money, to the last digit",
    "intent_before_order": "an order's intent, with equal terms, is durable before the order leaves",
    "one_order_for_an_intent": "no intent becomes two orders",
    "acknowledged_is_durable": "what a caller was told is there after any death",
    "capital_comes_back": "a bot that has stopped and holds nothing keeps no money; one that runs gives none back",
    "venues_agree": "no order is believed to be where it is not, nor not to be where it is",
    "unknown_is_resolved": "no order's fate is open for longer than the window and ten seconds of health",
    "never_more_than_there_is": "never more is sold than held, nor spent than there is",
    "no_limit_is_broken": "no approval breaks a rule, by an oracle written from the rules' words",
    "worst_case_counts_every_order": "what the gate saw had every order that may still fill, at what is left of it",
    "no_decision_on_a_stale_book": "no approval and no paper fill on a book that is not the exchange's",
    "a_position_has_its_stop": "no position is without its stop for more than five seconds",
    "stops_fire": "a price beyond a stop sells, soon, when nothing stands against it",
    "latches_are_monotone": "a latch that was set is set until a person clears it",
    "halted_means_halted": "no order leaves while the desk is halted, but for flattening",
    "a_token_is_one_orders": "an approval is good for its own order, once",
    "every_fill_has_its_reason": "every fill says why",
    "every_refusal_has_a_code": "every refusal has a code and an audit row",
    "time_never_runs_back": "rows are not older than those before them",
    "paper_signs_no_order": "a run on paper sends no signed order",
    "queues_are_bounded": "no queue grows without bound",
    "files_are_private": "nobody else may read a file of the home",
    "bots_go_on_where_they_were": "a restarted bot that missed nothing stands where it stood",
}


def judge(seen: Seen) -> dict[str, list[str]]:
    """What does not hold, by the invariant's name."""
    found = dict(seen.found)
    if seen.error:
        found["run_ends"] = [seen.error]
    if seen.diary.broke:
        found["use_cases_answer"] = seen.diary.broke[:5]
    unknown = found.keys() - ALL.keys()
    assert not unknown, unknown
    return found
