# Runs one file of Python's own test suite (python3 -m test -v) and prints one line for each test, sorted:
#
#     python3 run_tests.py SECONDS test_math
#
# The verbose output mixes with what the tests print, so the results are taken from the report in JUnit's format that
# the same run writes. The log goes to stderr: it is read when something differs.
import os, re, subprocess, sys, xml.etree.ElementTree as xml

seconds, name = sys.argv[1:3]
# The network is not reached from either side, and -u none leaves out what takes gigabytes or minutes.
command = [sys.executable, "-m", "test", "-v", "--timeout", seconds, "--junit-xml", "report.xml", *sys.argv[3:], name]
with open("log", "wb") as log:
    code = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL).returncode
lines = []
if os.path.exists("report.xml"):
    for case in xml.parse("report.xml").iter("testcase"):
        skipped = case.find("skipped")
        verdict = "error" if case.find("error") is not None else "FAIL" if case.find("failure") is not None else case.get("result", "") if skipped is None else "skipped " + re.sub(r"\s+", " ", skipped.text or "")
        lines.append(f"{case.get('name')}: {'ok' if verdict in ('', 'completed') else verdict} {case.get('status')}")
print("\n".join(sorted(lines)))
print(f"{len(lines)} tests, exit code {code}")
with open("log", errors="replace") as log: sys.stderr.write(log.read())
