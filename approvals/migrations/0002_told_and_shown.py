"""Where the evidence of a question is kept, and who is told of it by mail."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('approvals', '0001_first'),
    ]

    operations = [
        migrations.AddField(
            model_name='approval',
            name='evidence',
            field=models.JSONField(db_default={}, default=dict),
        ),
        migrations.CreateModel(
            name='Notice',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('person', models.TextField()),
                ('sent_at', models.DateTimeField(null=True)),
                ('attempts', models.IntegerField(default=0)),
                ('next_at', models.DateTimeField()),
                ('error', models.TextField(blank=True, default='')),
                ('approval', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='notices', to='approvals.approval')),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('sent_at__isnull', True)), fields=['next_at'], name='notice_due')],
                'constraints': [models.UniqueConstraint(fields=('approval', 'person'), name='notice_once')],
            },
        ),
    ]
