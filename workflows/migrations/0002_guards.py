"""What the database itself enforces and how the hot tables are kept: append-only triggers, fill factors, autovacuum."""

from django.db import migrations

APPEND_ONLY = ("workflows_event", "workflows_auditentry", "workflows_outboxevent", "workflows_lateresult")

REFUSE = """
CREATE FUNCTION workflows_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;
"""
GUARD = """
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table}
FOR EACH ROW EXECUTE FUNCTION workflows_refuse_change();
"""
#: Hot rows are updated in place while their page has room; dead ones are cleared before they pile up.
KEPT = """
ALTER TABLE workflows_instance SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);
ALTER TABLE workflows_work SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 1000);
ALTER TABLE workflows_timer SET (autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 1000);
ALTER TABLE workflows_session SET (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 100);
CREATE INDEX event_at ON workflows_event USING brin (at) WITH (pages_per_range = 16, autosummarize = on);
"""


class Migration(migrations.Migration):
    dependencies = [("workflows", "0001_initial")]

    operations = [
        migrations.RunSQL(REFUSE, "DROP FUNCTION workflows_refuse_change()"),
        *(
            migrations.RunSQL(GUARD.format(table=table), f"DROP TRIGGER append_only ON {table}")
            for table in APPEND_ONLY
        ),
        migrations.RunSQL("CREATE SEQUENCE workflows_lease_token", "DROP SEQUENCE workflows_lease_token"),
        migrations.RunSQL(KEPT, "DROP INDEX event_at"),
    ]
