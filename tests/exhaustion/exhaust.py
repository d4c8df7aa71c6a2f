#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Runs the unit tests again and again, each time with other calls failing for want of memory, of descriptors
or of threads (exhaustion.h), and tells which runs ended as no run may. scripts/exhaust is the way in.

A run is one test function with one plan: the n-th call fails, or every call from the n-th on. It is good if the
process ends by itself in time, with status 0 or 1, without a word of a sanitizer, without a descriptor left open
where the whole function ran, and with a failed check only where a call was failed. A failed check is expected:
it is how the test hears that the host reported an error. It ends the process (CHECK_STOP), and what the
test still holds is reachable from its stack then, so that only memory which the host lost counts as a leak.
"""
import argparse
import bisect
import collections
import concurrent.futures
import hashlib
import json
import os
import random
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time

SANITIZER_STATUS = 99
DEADLINE_S = 10          # for a run, and FACTOR times what it takes undisturbed
FACTOR = 10
SMOKE_SLOWEST_S = 0.3    # a function that takes longer undisturbed is left to the full run
SMOKE_FUNCTIONS = 120
SMOKE_POINTS = 8         # runs of one function
HERE = os.path.dirname(os.path.abspath(__file__))
UNIT = os.path.join(HERE, "..", "unit")

Program = collections.namedtuple("Program", "path arguments environment test symbols sanitizer")
Function = collections.namedtuple("Function", "program name")
Plan = collections.namedtuple("Plan", "function kind mode n")
Result = collections.namedtuple("Result", "plan status seconds output report")


class Runner:
    """Runs test functions, each with a folder of its own for what it leaves behind."""

    def __init__(self, folder):
        self.folder = folder

    def run(self, plan, deadline, detailed=False):
        program, name = plan.function
        with tempfile.TemporaryDirectory(dir=self.folder) as scratch:
            report = os.path.join(scratch, "report")
            temporary = os.path.join(scratch, "t")
            os.mkdir(temporary)
            environment = dict(os.environ, TMPDIR=temporary, CHECK_STOP="1", EXHAUST_REPORT=report,
                               EXHAUST="%s:%s:%d:%s" % (plan.kind, plan.mode, plan.n,
                                                                  program.sanitizer))
            environment["CHECK_ONLY"] = name
            environment.update(program.environment)
            options = "exitcode=%d:symbolize=%d:fast_unwind_on_malloc=%d" % (
                SANITIZER_STATUS, detailed, not detailed)
            environment["ASAN_OPTIONS"] = ":".join(filter(None, [environment.get("ASAN_OPTIONS"), options]))
            environment["LSAN_OPTIONS"] = "suppressions=%s/leaks.txt:print_suppressions=0" % HERE
            environment["UBSAN_OPTIONS"] = "print_stacktrace=1"
            start = time.monotonic()
            status, output = run_command(["setarch", "-R", program.path] + program.arguments, environment,
                                         scratch, deadline)
            seconds = time.monotonic() - start
            try:
                with open(report, errors="replace") as file:
                    lines = file.read().splitlines()
            except FileNotFoundError:
                lines = []
        return Result(plan, status, seconds, output, lines)


def run_command(command, environment, folder, deadline):
    """Status (None past the deadline) and output of a command and what it started."""
    with tempfile.TemporaryFile(dir=folder) as output:
        process = subprocess.Popen(command, env=environment, cwd=folder, stdin=subprocess.DEVNULL,
                                   stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
        ending = os.pidfd_open(process.pid)
        ended, _, _ = select.select([ending], [], [], deadline)
        os.close(ending)
        os.killpg(process.pid, signal.SIGKILL)  # and what it left running; not waited for, the number is its own
        status = process.wait()
        output.seek(0)
        return status if ended else None, output.read(1 << 20).decode(errors="replace")


def ends_badly(result, opened):
    """What is wrong with the end of a run, or None. opened: descriptors at the end of the undisturbed run."""
    if result.status is None:
        return "hang"
    if result.status < 0:
        return "signal %d" % -result.status
    if "LeakSanitizer" in result.output:
        return "leak"
    if result.status == SANITIZER_STATUS or "Sanitizer" in result.output or "runtime error:" in result.output:
        return "sanitizer"
    if result.status not in (0, 1):
        return "status %d" % result.status
    left = open_at_end(result)
    if result.status == 0 and left is not None and opened is not None and left > opened:
        return "descriptor"
    if result.status == 1 and not was_failed(result):
        return "unprovoked"
    return None


def was_failed(result):
    return any(line.startswith("failed ") for line in result.report)


def open_at_end(result):
    for line in result.report:
        if line.startswith("open "):
            return int(line.split()[1])
    return None


def programs_of(build, patterns):
    """The test programs that ctest knows in this build, one entry each, without a function yet."""
    text = subprocess.run(["ctest", "--test-dir", build, "-L", "unit", "--show-only=json-v1"], check=True,
                          stdout=subprocess.PIPE).stdout
    for test in json.loads(text)["tests"]:
        name = test["name"].removeprefix("unit.")
        if "wasm." in name or (patterns and not any(re.search(pattern, name) for pattern in patterns)):
            continue
        environment = {}
        for entry in test.get("properties", []):
            if entry["name"] == "ENVIRONMENT":
                environment = dict(text.split("=", 1) for text in entry["value"])
        path = test["command"][0]
        symbols = symbols_of(path)
        if not any(symbol == "exhaustion_hits" for _, symbol in symbols):
            continue  # of the guest library: where a guest's memory is out, one call of the host ends it
        own = [address for address, symbol in symbols
               if re.match(r"_ZN(K?6__asan|K?11__sanitizer|K?6__lsan|K?7__ubsan)|__interceptor_", symbol)]
        yield Program(path, test["command"][1:], environment, name, symbols, "%x-%x" % (min(own), max(own) + 1))


def symbols_of(path):
    """Addresses and names of a program's functions, sorted."""
    text = subprocess.run(["nm", path], check=True, stdout=subprocess.PIPE, text=True).stdout
    return sorted((int(address, 16), name) for address, name in re.findall(r"^(\w+) [tTwW] (\S+)$", text, re.M))


def functions_of(program):
    """The test functions of a program, as its source lists them."""
    with open(os.path.join(UNIT, os.path.basename(program.path) + ".c")) as source:
        return [Function(program, name) for name in re.findall(r"\bTEST\((\w+)\)", source.read())]


def portable(place, symbols):
    """A place in the words of every program that holds the same code: function and offset."""
    words = []
    for word in place:
        if word.startswith("+"):
            address = int(word, 16)
            start, name = symbols[bisect.bisect_right(symbols, (address, "\x7f")) - 1]
            word = "%s+%x" % (name, address - start)
        words.append(word)
    return tuple(words)


def draw_of(seed, function):
    """By what a function is drawn: a new one beside it changes nothing for those that are there."""
    return hashlib.sha256(f"{seed} {function.program.test} {function.name}".encode()).digest()


class Campaign:
    """Everything that is to run, and what came of it."""

    def __init__(self, arguments, folder):
        self.arguments = arguments
        self.runner = Runner(folder)
        self.start = self.planned = time.monotonic()
        self.undisturbed = {}
        self.left_out = []
        self.seen = set()
        self.counts = collections.Counter()
        self.findings = collections.OrderedDict()
        self.findings_folder = os.path.join(arguments.build, "exhaustion")
        shutil.rmtree(self.findings_folder, ignore_errors=True)
        os.makedirs(self.findings_folder)

    def look(self, function):
        """Runs a function undisturbed: which calls does it make?"""
        deadline = SMOKE_SLOWEST_S * FACTOR if self.arguments.smoke else 120
        result = self.runner.run(Plan(function, "all", "count", 0), deadline)
        ok = result.status == 0 and not ends_badly(result, None) and re.search(r"^ok    ", result.output, re.M)
        return result, ok

    def plans_of(self, result):
        """The plans for a function: a call from each place that no other function has shown yet."""
        function = result.plan.function
        self.undisturbed[function.program.path, function.name] = result
        for line in result.report:
            word, kind, n, *place = line.split() + [""] * 2
            if word != "call" or kind not in self.arguments.kinds:
                continue
            key = kind, portable(filter(None, place), function.program.symbols)
            if key in self.seen and not (self.arguments.everywhere or self.arguments.smoke):
                continue
            self.seen.add(key)
            for mode in self.arguments.modes:
                yield Plan(function, kind, mode, int(n))

    def plan(self, pool):
        """Everything to run, or for a smoke run a few calls of some functions that take no time."""
        functions = [function for program in programs_of(self.arguments.build, self.arguments.tests)
                     for function in functions_of(program)]
        seed = self.arguments.seed
        if self.arguments.smoke:
            functions = sorted(functions, key=lambda function: draw_of(seed, function))[:SMOKE_FUNCTIONS]
        looked = list(pool.map(self.look, functions))
        slow = self.arguments.smoke  # where what takes longer is meant to be left out
        self.left_out = [result.plan.function for result, ok in looked
                         if not ok and not (slow and result.status is None)]
        plans = []
        for result, _ in sorted((pair for pair in looked if pair[1]), key=lambda pair: pair[0].seconds):
            own = list(self.plans_of(result))
            if self.arguments.smoke and result.seconds > SMOKE_SLOWEST_S:
                continue
            if self.arguments.smoke:  # the same ones whatever other functions there are
                draw = random.Random("%d %s" % (seed, result.plan.function.name))
                own = draw.sample(own, min(SMOKE_POINTS, len(own)))
            plans += own
        return functions, plans

    def list(self, plans):
        counts = collections.Counter((plan.function.program.test, plan.kind) for plan in plans)
        for (test, kind), count in sorted(counts.items()):
            print("  %-32s %-12s %6d runs" % (test, kind, count))

    def judge(self, plan):
        """None where the time is over."""
        if self.arguments.minutes and time.monotonic() > self.planned + 60 * self.arguments.minutes:
            return None
        undisturbed = self.undisturbed[plan.function.program.path, plan.function.name]
        deadline = DEADLINE_S + FACTOR * undisturbed.seconds
        result = self.runner.run(plan, deadline)
        verdict = ends_badly(result, open_at_end(undisturbed))
        if verdict in ("hang", "unprovoked", "descriptor"):  # a busy machine may have been the reason
            again = self.runner.run(plan, deadline)
            result, verdict = again, ends_badly(again, open_at_end(undisturbed))
        if verdict and verdict != "hang":
            detailed = self.runner.run(plan, deadline * 2, detailed=True)
            if ends_badly(detailed, open_at_end(undisturbed)):
                result = detailed
            if verdict == "sanitizer" and (is_of_the_test(result.output) or HARMLESS in result.output):
                verdict = None
            is_fall = verdict == "sanitizer" or bool(verdict) and verdict.startswith("signal")
            if is_fall and any(FALLS_BY_ITSELF in line for line in result.report):
                verdict = None
        return result, verdict

    def count(self, result, verdict):
        plan = result.plan
        self.counts["runs"] += 1
        if was_failed(result):
            self.counts[plan.kind] += 1
        if not verdict:
            self.counts["overcome" if result.status == 0 else "told"] += 1
        if result.status == 1:
            self.keep_told(result)
        if verdict:
            self.note(result, verdict)

    def keep_told(self, result):
        """How a test heard of the failure, for a reader: a value that is wrong where a call said it went
        well is a fault that no program finds."""
        plan = result.plan
        told = re.search(r"\S+:\d+: check failed: .*", result.output)
        with open(os.path.join(self.findings_folder, "told.txt"), "a") as file:
            file.write("%s | %s %s %s %s %d\n" % (told.group() if told else "?", plan.function.program.test,
                                                 plan.function.name, plan.kind, plan.mode, plan.n))

    def note(self, result, verdict):
        plan = result.plan
        text = "%s: %s %s %s %d\n" % (verdict, plan.function.program.test, plan.function.name, plan.kind, plan.n)
        text += "mode %s, status %s, %.1f s\n" % (plan.mode, result.status, result.seconds)
        text += "\n".join(symbolised(result)) + "\n\n" + result.output
        signature = verdict, guilty_frame(verdict, text)
        if signature not in self.findings:
            name = "%03d-%s.txt" % (len(self.findings) + 1, verdict.replace(" ", "-"))
            with open(os.path.join(self.findings_folder, name), "w") as file:
                file.write(text)
            print("%s %s:%s %s %s %d: %s" % (name, plan.function.program.test, plan.function.name, plan.kind, plan.mode,
                                             plan.n, signature[1]), flush=True)
        self.findings.setdefault(signature, []).append(plan)


FALLS_BY_ITSELF = "(__nss_"  # glibc's look-up of users ends the process, or falls, where it gets no memory
HARMLESS = "applying zero offset to null pointer"  # what a test does with bytes that it did not get

SOURCE_FRAME = re.compile(r"#\d+ \S+ in (\S+) \S*?/((?:host|shared|functions|tests)/\S+?:\d+)")


def is_of_the_test(output):
    """A test that goes on with nothing in its hand, and falls, has heard of the failure, too."""
    first = SOURCE_FRAME.search(output)
    return bool(first) and first.group(2).startswith("tests/unit/")


def symbolised(result):
    """The report without the places, its frames with function, file and line."""
    for line in result.report:
        match = re.match(r"(\S+)\((?:\S*)\)\[(0x[0-9a-f]+)\]$", line)
        if line.startswith("call "):
            continue
        if not match or not match.group(1).endswith(os.path.basename(result.plan.function.program.path)):
            yield line
            continue
        address = int(match.group(2), 16) - 0x555555554000 - 1  # where setarch -R puts the program
        yield "  " + subprocess.run(["addr2line", "-fpe", result.plan.function.program.path, hex(address)],
                                    stdout=subprocess.PIPE, text=True).stdout.strip()


def guilty_frame(verdict, text):
    """The first line of the report that names code of this project."""
    report, _, output = text.partition("\n\n")
    if verdict in ("leak", "sanitizer") or verdict.startswith("signal"):
        for line in output.splitlines():
            match = SOURCE_FRAME.search(line)
            if match and not match.group(2).startswith("tests/"):
                return " ".join(match.groups())
    for line in report.splitlines():
        match = re.search(r"(\S+) at \S*?/((?:host|shared|functions)/\S+?:\d+)", line)
        if match:
            return "after a failed call in " + " ".join(match.groups())
    return "?"


def options():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("build", help="the sanitized build")
    parser.add_argument("tests", nargs="*", help="expressions for the names of the tests; all if there is none")
    parser.add_argument("--smoke", action="store_true", help="a few calls of some functions, drawn from --seed")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=0, help="as many runs as that allows")
    parser.add_argument("--everywhere", action="store_true", help="each place again in each function that comes by")
    parser.add_argument("--list", action="store_true", help="only say what would run")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--kinds", default="memory,descriptors,threads", type=lambda text: text.split(","))
    parser.add_argument("--modes", default="once,onwards", type=lambda text: text.split(","))
    return parser.parse_intermixed_args()


def main():
    arguments = options()
    arguments.build = os.path.abspath(arguments.build)
    with tempfile.TemporaryDirectory(prefix="exhaust-", dir="/tmp") as folder, \
            concurrent.futures.ThreadPoolExecutor(arguments.workers) as pool:
        campaign = Campaign(arguments, folder)
        functions, plans = campaign.plan(pool)
        print("%d functions, %d runs, %.0f s so far" % (len(functions), len(plans), time.monotonic() - campaign.start),
              flush=True)
        if arguments.list:
            campaign.list(plans)
            return 0
        random.Random(arguments.seed).shuffle(plans)
        campaign.planned = time.monotonic()
        for judged in pool.map(campaign.judge, plans):
            if judged:
                campaign.count(*judged)
    counts = campaign.counts
    print("failed calls: %d for memory, %d for descriptors, %d for threads, in %d runs of %d functions" % (
        counts["memory"], counts["descriptors"], counts["threads"], counts["runs"], len(functions)))
    for function in campaign.left_out:
        print("left out, as it does not run alone: %s %s" % (function.program.test, function.name))
    if not counts["runs"]:
        print("nothing was run: no test has a name that matches")
    print("the error was told in %d runs, overcome in %d; %d findings in %.0f s" % (
        counts["told"], counts["overcome"], len(campaign.findings), time.monotonic() - campaign.start))
    for (verdict, frame), found in campaign.findings.items():
        print("  %-12s %4d times  %s" % (verdict, len(found), frame))
    if campaign.findings:
        return 1
    return 0 if counts["runs"] else 2


if __name__ == "__main__":
    sys.exit(main())
