"""manage.py check_storage [--repair] [--digests]"""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from dataportal.storage_check import Counts, find_disagreements, repair


class Command(BaseCommand):
    help = (
        "Check that every hosted file has its bytes in the storage, that all bytes there belong"
        " to a file, and that accounts' sums are right. A line for each that does not, and then a"
        " summary; the exit status is 1 when something is wrong and not repaired. The platform"
        " may be running."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--repair",
            action="store_true",
            help="take away files whose bytes are lost or changed, have bytes without a file swept"
            " after an hour, and count accounts' sums again",
        )
        parser.add_argument(
            "--digests", action="store_true", help="read all bytes and compare their MD5"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        counts, found = Counts(), 0
        for finding in find_disagreements(counts, digests=options["digests"]):
            found += 1
            line = f"{finding.name} {finding.fault.text}"
            if options["repair"]:
                repair(finding)
                line = f"{line}: {finding.fault.repair}"
            self.stdout.write(line)
        if counts.foreign:
            self.stdout.write(f"{counts.foreign} things in the storage are not the platform's")
        summary = f"{counts.rows} rows and {counts.blobs} blobs compared, {found} do not agree"
        if found and not options["repair"]:
            raise CommandError(f"{summary}; --repair repairs them")
        self.stdout.write(f"{summary}, all repaired" if found else summary)
