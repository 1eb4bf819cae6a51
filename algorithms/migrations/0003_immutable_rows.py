"""A published version and an ended build never change, whoever writes (design.md 1, promise 1)."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION algorithms_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% % is immutable', TG_TABLE_NAME, OLD.id USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER version_is_immutable BEFORE UPDATE ON algorithms_version
    FOR EACH ROW EXECUTE FUNCTION algorithms_refuse_change();
CREATE TRIGGER ended_build_is_immutable BEFORE UPDATE ON algorithms_build
    FOR EACH ROW WHEN (OLD.state <> 'in-progress') EXECUTE FUNCTION algorithms_refuse_change();
"""
BACKWARD = """
DROP TRIGGER ended_build_is_immutable ON algorithms_build;
DROP TRIGGER version_is_immutable ON algorithms_version;
DROP FUNCTION algorithms_refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [("algorithms", "0002_python_environment")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
