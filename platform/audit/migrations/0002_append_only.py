"""Entries are appended and never change; the head only moves on by one (docs/adr/0029)."""

from django.db import migrations

FORWARD = """
INSERT INTO audit_audithead (id, number, hash) VALUES (1, 0, repeat('0', 64));
CREATE FUNCTION audit_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER entries_stay BEFORE UPDATE OR DELETE ON audit_auditentry
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse_change();
CREATE TRIGGER entries_are_not_emptied BEFORE TRUNCATE ON audit_auditentry
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse_change();
CREATE TRIGGER head_stays BEFORE DELETE ON audit_audithead
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse_change();
CREATE TRIGGER head_is_not_emptied BEFORE TRUNCATE ON audit_audithead
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse_change();
CREATE TRIGGER head_moves_on BEFORE UPDATE ON audit_audithead
    FOR EACH ROW WHEN (NEW.number <> OLD.number + 1) EXECUTE FUNCTION audit_refuse_change();
"""
BACKWARD = """
DROP TRIGGER head_moves_on ON audit_audithead;
DROP TRIGGER head_is_not_emptied ON audit_audithead;
DROP TRIGGER head_stays ON audit_audithead;
DROP TRIGGER entries_are_not_emptied ON audit_auditentry;
DROP TRIGGER entries_stay ON audit_auditentry;
DROP FUNCTION audit_refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
