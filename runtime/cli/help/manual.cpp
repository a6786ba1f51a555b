#include "cli/help/manual.hpp"

#include <algorithm>
#include <cctype>
#include <sstream>

#include "base/version.hpp"
#include "config/config_key.hpp"

namespace sluice::cli {

namespace {

/// Escapes text for a page: backslashes, hyphens and quotes stay literal, and no line begins like a macro.
std::string escaped(const std::string& text) {
  std::string result;
  bool line_start = true;
  for (const char c : text) {
    if (line_start && (c == '.' || c == '\'')) result += "\\&";
    if (c == '\\') {
      result += "\\e";
    } else if (c == '-') {
      result += "\\-";
    } else if (c == '`') {
      result += "\\(ga";
    } else if (c == '^') {
      result += "\\(ha";
    } else if (c == '~') {
      result += "\\(ti";
    } else {
      result += c;
    }
    line_start = c == '\n';
  }
  return result;
}

/// Wraps text to lines of less than 80 bytes, as is usual in the source of manual pages.
std::string wrapped(const std::string& text) {
  std::istringstream words(text);
  std::string lines, line;
  for (std::string word; words >> word;) {
    if (!line.empty() && line.size() + 1 + word.size() > 78) {
      lines += line + "\n";
      line.clear();
    }
    if (line.empty() && (word.front() == '.' || word.front() == '\'')) line = "\\&";
    line += (line.empty() || line == "\\&" ? "" : " ") + word;
  }
  return lines + line + "\n";
}

std::string filled(const std::string& text) {
  return wrapped(escaped(text));
}

std::string ended(const std::string& text) {
  return text.empty() || text.back() == '.' ? text : text + ".";
}

std::string sentence(std::string text) {
  if (text.empty()) return text;
  text.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(text.front())));
  return ended(text);
}

std::string bold(const std::string& text) {
  return "\\fB" + escaped(text) + "\\fR";
}

std::string italic(const std::string& text) {
  return "\\fI" + escaped(text) + "\\fR";
}

std::string head(const std::string& name, const std::string& section, const std::string& date,
                 const std::string& summary) {
  std::string title = name;
  std::transform(title.begin(), title.end(), title.begin(), [](unsigned char c) { return std::toupper(c); });
  return ".TH \"" + escaped(title) + "\" \"" + section + "\" \"" + date + "\" \"sluice " +
         std::string(base::version()) + "\"\n.SH NAME\n" + escaped(name) + " \\- " + escaped(summary) + "\n";
}

std::string hyphened(std::string path) {
  std::replace(path.begin(), path.end(), ' ', '-');
  return path;
}

std::string synopsis(const CommandText& command) {
  std::string line = bold(command.path);
  if (!command.commands.empty()) line += " " + italic("COMMAND");
  bool has_options = false;
  for (const OptionText& option : command.options) {
    if (!option.positional && !option.required) has_options = true;
  }
  if (has_options) line += " [" + italic("OPTION") + "]...";
  for (const OptionText& option : command.options) {
    if (!option.positional && !option.required) continue;
    std::string words =
        option.positional ? italic(option.name) : bold(option.name) + " " + italic(option.value);
    if (option.repeatable) words += "...";
    line += option.required ? " " + words : " [" + words + "]";
  }
  return line + "\n";
}

std::string option_lines(const CommandText& command) {
  std::string lines;
  for (const OptionText& option : command.options) {
    lines += ".TP\n" + (option.positional ? italic(option.name) : bold(option.name));
    if (!option.positional && !option.value.empty()) lines += " " + italic(option.value);
    lines += "\n" + filled(ended(option.description));
  }
  return lines;
}

/// The lines below "Examples:". A heading before that is kept, with its lines.
std::string examples(const CommandText& command) {
  std::istringstream footer(command.footer);
  std::string lines;
  for (std::string line; std::getline(footer, line);) {
    if (line.starts_with("  ")) {
      lines += escaped(line.substr(2)) + "\n";
    } else if (!line.empty() && (line != "Examples:" || !lines.empty())) {
      lines += (lines.empty() ? "" : "\n") + escaped(line) + "\n";
    }
  }
  return lines.empty() ? "" : ".nf\n" + lines + ".fi\n";
}

std::string exit_status() {
  return ".SH EXIT STATUS\n.TP\n0\nSuccess.\n.TP\n1\nThe requested action failed.\n.TP\n2\nWrong usage or "
         "configuration.\n";
}

std::string see_also(const std::vector<std::string>& pages) {
  std::string line = ".SH SEE ALSO\n";
  for (std::size_t i = 0; i < pages.size(); ++i) {
    const std::size_t bracket = pages[i].find('(');
    line +=
        bold(pages[i].substr(0, bracket)) + pages[i].substr(bracket) + (i + 1 < pages.size() ? ",\n" : "\n");
  }
  return line;
}

std::string program_page(const CommandText& program, const std::string& date) {
  std::string page = head("sluice", "1", date, "drain a PostgreSQL outbox through handlers in plugins");
  page += ".SH SYNOPSIS\n" + bold("sluice") + " " + italic("COMMAND") + " [" + italic("OPTION") + "]...\n";
  page +=
      ".SH DESCRIPTION\n" +
      filled(
          "An application inserts rows into an outbox table in its own transactions. Sluice passes each row "
          "to a handler. Handlers live in plugins, which are shared objects in a directory. Each plugin runs "
          "in a separate process, without database credentials.") +
      ".SH COMMANDS\n";
  std::vector<std::string> pages{"sluice.toml(5)"};
  for (const CommandText* command : leaves(program)) {
    page += ".TP\n" + bold(command->path) + "\n" + filled(ended(command->description));
  }
  for (const CommandText& command : program.commands) pages.push_back(hyphened(command.path) + "(1)");
  page += ".SH OPTIONS\n" + option_lines(program);
  page +=
      ".SH FILES\n.TP\n\\&./sluice.toml, /etc/sluice/sluice.toml\nThe configuration file; the first that "
      "exists is read.\n";
  page += ".SH ENVIRONMENT\nEach key of the configuration has a variable;\n" + bold("sluice.toml") +
          "(5) lists them.\n.TP\n" + bold("DATABASE_URL") + "\nThe database.\n.TP\n" + bold("SLUICE_CONFIG") +
          "\nThe configuration file.\n";
  return page + exit_status() + see_also(pages);
}

std::string command_page(const CommandText& command, const std::string& date) {
  const bool group = !command.commands.empty();
  std::string page = head(hyphened(command.path), "1", date, brief(command.description, 200));
  page += ".SH SYNOPSIS\n";
  std::string body;
  for (const CommandText* leaf : leaves(command)) {
    page += leaf == leaves(command).front() ? "" : ".br\n";
    page += synopsis(*leaf);
    if (!group) {
      body = ".SH DESCRIPTION\n" + filled(ended(leaf->description)) + ".SH OPTIONS\n" + option_lines(*leaf);
      if (const std::string lines = examples(*leaf); !lines.empty()) body += ".SH EXAMPLES\n" + lines;
      continue;
    }
    body += ".SS " + escaped(leaf->path) + "\n" + filled(ended(leaf->description)) + option_lines(*leaf);
    if (const std::string lines = examples(*leaf); !lines.empty()) body += ".PP\nExamples:\n.PP\n" + lines;
  }
  if (group) body = ".SH DESCRIPTION\n" + filled(ended(command.description)) + ".SH COMMANDS\n" + body;
  return page + body + exit_status() + see_also({"sluice(1)", "sluice.toml(5)"});
}

template <class Owner>
std::string key_lines(const std::string& section, const std::string& table, const std::string& name,
                      const std::vector<config::ConfigKey<Owner>>& keys) {
  std::string lines =
      ".SS [" + escaped(table) + "]\n" + filled(std::string(config::section_summary(section)));
  for (const auto& key : keys) {
    if (key.section != section) continue;
    const auto value = key.get(Owner{});
    lines += ".TP\n" + bold(key.name) + " = " +
             escaped(value ? config::as_toml(key.kind, *value) : key.example) + "\n";
    lines += filled(sentence(key.summary));
    if (key.takes != "text") lines += filled("Takes " + key.takes + ".");
    if (!value) lines += "Not set by default.\n";
    lines += "Variable: " + bold(config::variable_name(section, key.name, name));
    for (const std::string& variable : key.other_variables) lines += ", " + bold(variable);
    lines += ".\n";
  }
  return lines;
}

std::string config_page(const std::string& date) {
  std::string page = head("sluice.toml", "5", date, "configuration of sluice");
  page +=
      ".SH SYNOPSIS\n" + italic("./sluice.toml") + "\n.br\n" + italic("/etc/sluice/sluice.toml") +
      "\n.SH DESCRIPTION\n" +
      wrapped("A TOML file. " + bold("sluice") + " reads the one named by " + bold("--config") + " or " +
              bold("SLUICE_CONFIG") +
              ", or else the first of those above that exists. The command line takes precedence over the "
              "environment, the environment over the file, and the file over the defaults, which are shown "
              "here. Every key has a variable. " +
              bold("sluice config check") + " shows the values in force, and " +
              bold("sluice config sample") + " prints a file to start from.") +
      ".SH KEYS\n";
  std::string section;
  for (const auto& key : config::config_keys()) {
    if (key.section != section) page += key_lines(key.section, key.section, "", config::config_keys());
    section = key.section;
  }
  page += key_lines("plugin", "plugin.NAME", "NAME", config::plugin_keys());
  page += key_lines("plugin.limits", "plugin.NAME.limits", "NAME", config::plugin_keys());
  page += key_lines("type", "type.\"NAME\"", "NAME", config::type_keys());
  page += ".SH DURATIONS\n" + filled(
                                  "One or more numbers with units, largest first: ms, s, m, h, d; 500ms, "
                                  "30s, 1h30m. A number without a unit is invalid, except 0.");
  page +=
      ".SH SIZES\n" + filled(
                          "A number with a unit: B, kB, MB, GB, TB (powers of 1000), KiB, MiB, GiB, TiB "
                          "(powers of 1024); 512MB, 1.5GiB. A number without a unit is invalid, except 0.");
  return page + see_also({"sluice(1)", "sluice-config(1)"});
}

}  // namespace

std::map<std::string, std::string> manual_pages(const CommandText& program, const std::string& date) {
  std::map<std::string, std::string> pages{{"sluice.1", program_page(program, date)},
                                           {"sluice.toml.5", config_page(date)}};
  for (const CommandText& command : program.commands) {
    pages[hyphened(command.path) + ".1"] = command_page(command, date);
  }
  return pages;
}

}  // namespace sluice::cli
