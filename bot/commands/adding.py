"""Every command into a bot, both ways of calling it, and the buttons of consent."""

from nextcord.ext import commands

from bot.announcing import ConsentButtons
from bot.commands.answering import Answering
from bot.commands.newcomers import Newcomers
from bot.commands.prefix import PrefixCommands
from bot.commands.slash import SlashCommands
from bot.parts import Parts


def add_commands(bot: commands.Bot | commands.AutoShardedBot, parts: Parts) -> None:
    """Before it connects, inside the running loop."""
    answering = Answering()
    bot.help_command = None
    bot.add_cog(SlashCommands(parts, answering))
    bot.add_cog(PrefixCommands(parts, answering))
    bot.add_cog(Newcomers(parts))
    bot.add_view(ConsentButtons(parts.consent, parts.preferences))
