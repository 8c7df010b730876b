"""A role for one workflow names one."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('workflows', '0008_deps'),
    ]

    operations = [
        migrations.AddConstraint(
            model_name='scopedrole',
            constraint=models.CheckConstraint(condition=models.Q(('workflow', ''), _negated=True), name='scoped_role_somewhere'),
        ),
    ]
