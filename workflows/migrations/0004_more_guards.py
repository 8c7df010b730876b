"""Append-only for what came with breakers, approvals and the sealed audit; room for the rows that are updated often."""

from django.db import migrations

APPEND_ONLY = ("workflows_auditseal", "breakers_transition", "approvals_vote")

GUARD = """
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table}
FOR EACH ROW EXECUTE FUNCTION workflows_refuse_change();
"""
KEPT = """
ALTER TABLE breakers_breaker SET (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 100);
ALTER TABLE breakers_permit SET (autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 100);
"""


class Migration(migrations.Migration):
    dependencies = [("workflows", "0003_operable"), ("breakers", "0001_first"), ("approvals", "0001_first")]

    operations = [
        *(
            migrations.RunSQL(GUARD.format(table=table), f"DROP TRIGGER append_only ON {table}")
            for table in APPEND_ONLY
        ),
        migrations.RunSQL(KEPT, migrations.RunSQL.noop),
    ]
