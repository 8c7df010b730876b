"""How the administration calls some tables; nothing in the database changes."""

from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('workflows', '0005_record'),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='apitoken',
            options={'verbose_name': 'API token'},
        ),
        migrations.AlterModelOptions(
            name='auditentry',
            options={'verbose_name_plural': 'audit entries'},
        ),
        migrations.AlterModelOptions(
            name='delivery',
            options={'verbose_name_plural': 'deliveries'},
        ),
        migrations.AlterModelOptions(
            name='duty',
            options={'verbose_name_plural': 'duties'},
        ),
        migrations.AlterModelOptions(
            name='scopedrole',
            options={'verbose_name': 'role for one workflow', 'verbose_name_plural': 'roles for one workflow'},
        ),
        migrations.AlterModelOptions(
            name='work',
            options={'verbose_name_plural': 'work'},
        ),
    ]
