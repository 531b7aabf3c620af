"""Answers to the exercises in examples/week2/practice.ipynb, by the tag of the cell they replace."""

SOLUTIONS = {
    "exercise-1": "def accuracy(true, said):\n    return (true == said).mean()",
    "exercise-2": """\
values = memory.manifest.outcome.metrics["accuracy"]
gap = values.training - values.value""",
    "exercise-3": 'expected = "unstable"',
    "exercise-4": 'tree = train("examples/penguins/variant.json", runs_dir=RUNS, name="tree")',
    "exercise-5": """\
other = pd.read_csv(tree.path / "predictions.csv")
broken = ((predictions["y_pred"] == predictions["y_true"]) & (other["y_pred"] != other["y_true"])).sum()""",
    "exercise-6": "def f1(precision, recall):\n    return 2 * precision * recall / (precision + recall)",
    "exercise-7": "hint = failed.manifest.failure.hint",
    "exercise-8": 'following = train(proposed, runs_dir=RUNS, name="next")',
}

WRONG = {
    "exercise-1": "def accuracy(true, said):\n    return (true == said).sum()",
    "exercise-2": 'values = memory.manifest.outcome.metrics["f1_macro"]\ngap = values.training - values.value',
    "exercise-3": 'expected = "identical"',
    "exercise-4": 'tree = train("examples/penguins/variant.json", seed=7, runs_dir=RUNS, name="tree")',
    "exercise-5": "broken = 4",
    "exercise-6": "def f1(precision, recall):\n    return (precision + recall) / 2",
    "exercise-7": "hint = failed.manifest.failure.message",
    "exercise-8": 'following = train("examples/penguins/baseline.json", runs_dir=RUNS, name="next")',
}

#: Answers that raise, or that leave the name undefined.
BROKEN = {
    "exercise-1": "def accuracy(true, said):\n    return true.equal(said).mean()",
    "exercise-2": "values = memory.manifest.outcome.metrics",
    "exercise-5": 'broken = predictions["y_pred"] == predictions["y_true"]',
    "exercise-6": "def f1(precision, recall):\n    return precision / 0",
}
