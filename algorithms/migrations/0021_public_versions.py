"""Algorithms know whether a version of theirs is for everybody.

A trigger sees to it, because versions are made in several places. Nothing takes it back: versions
and decided approvals never change, and a stale copy of the row must not either.
"""

from django.db import migrations, models

FORWARD = """
CREATE FUNCTION algorithms_note_public_versions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE algorithms_algorithm SET has_public_version = TRUE
    WHERE NOT has_public_version
        AND id IN (SELECT algorithm_id FROM made WHERE callability = 'public');
    RETURN NULL;
END $$;
CREATE FUNCTION algorithms_note_approvals() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE algorithms_algorithm SET has_public_version = TRUE
    WHERE NOT has_public_version AND id IN (
        SELECT v.algorithm_id FROM made JOIN algorithms_version AS v ON v.id = made.version_id
        WHERE made.state = 'approved'
    );
    RETURN NULL;
END $$;
CREATE FUNCTION algorithms_keep_public() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.has_public_version := TRUE;
    RETURN NEW;
END $$;
CREATE TRIGGER version_is_public AFTER INSERT ON algorithms_version
    REFERENCING NEW TABLE AS made
    FOR EACH STATEMENT EXECUTE FUNCTION algorithms_note_public_versions();
CREATE TRIGGER approval_is_made AFTER INSERT ON algorithms_approval
    REFERENCING NEW TABLE AS made
    FOR EACH STATEMENT EXECUTE FUNCTION algorithms_note_approvals();
CREATE TRIGGER approval_is_decided AFTER UPDATE ON algorithms_approval
    REFERENCING NEW TABLE AS made
    FOR EACH STATEMENT EXECUTE FUNCTION algorithms_note_approvals();
CREATE TRIGGER algorithm_stays_public BEFORE UPDATE ON algorithms_algorithm
    FOR EACH ROW WHEN (OLD.has_public_version AND NOT NEW.has_public_version)
    EXECUTE FUNCTION algorithms_keep_public();
UPDATE algorithms_algorithm SET has_public_version = TRUE WHERE id IN (
    SELECT v.algorithm_id FROM algorithms_version AS v
    LEFT JOIN algorithms_approval AS a ON a.version_id = v.id
    WHERE v.callability = 'public' OR a.state = 'approved'
);
"""
BACKWARD = """
DROP TRIGGER algorithm_stays_public ON algorithms_algorithm;
DROP TRIGGER approval_is_decided ON algorithms_approval;
DROP TRIGGER approval_is_made ON algorithms_approval;
DROP TRIGGER version_is_public ON algorithms_version;
DROP FUNCTION algorithms_keep_public();
DROP FUNCTION algorithms_note_approvals();
DROP FUNCTION algorithms_note_public_versions();
"""


class Migration(migrations.Migration):
    dependencies = [("algorithms", "0020_catalogue_order")]

    operations = [
        migrations.AddField(
            "algorithm",
            "has_public_version",
            models.BooleanField(default=False, editable=False),
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
