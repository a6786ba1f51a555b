// The completions of three shells. Each script first determines the command that the words before the cursor
// name, the path. Then it offers values for an option, or the subcommands and options of that command.
#include <algorithm>
#include <set>

#include "base/shell_word.hpp"
#include "base/text.hpp"
#include "cli/help/command_text.hpp"

namespace sluice::cli {

namespace {

constexpr std::size_t description_width = 70;

/// The commands below the program: "sluice jobs"|"sluice jobs list", quoted.
std::string paths(const CommandText& program) {
  std::vector<std::string> list;
  for (const CommandText* command : all(program)) {
    if (command->path != program.path) list.push_back('"' + command->path + '"');
  }
  return base::joined(list, "|");
}

bool takes_file(const OptionText& option) {
  return option.value == "FILE" || (option.positional && option.name == "FILE");
}

bool takes_directory(const OptionText& option) {
  return option.value == "DIR" || (option.positional && option.name == "DIR");
}

std::vector<std::string> offered(const CommandText& command) {
  std::vector<std::string> words;
  for (const CommandText& one : command.commands) words.push_back(one.name());
  for (const OptionText& option : command.options) {
    if (!option.positional) words.push_back(option.name);
    for (const std::string& choice : option.positional ? option.choices() : std::vector<std::string>{}) {
      words.push_back(choice);
    }
  }
  return words;
}

const OptionText* positional(const CommandText& command) {
  const auto found = std::find_if(command.options.begin(), command.options.end(),
                                  [](const OptionText& option) { return option.positional; });
  return found == command.options.end() ? nullptr : &*found;
}

}  // namespace

std::string bash_completion(const CommandText& program) {
  std::string values, words;
  for (const CommandText* command : all(program)) {
    for (const OptionText& option : command->options) {
      if (option.positional || option.value.empty()) continue;
      const std::string action = takes_file(option) ? "-f"
                                 : takes_directory(option)
                                     ? "-d"
                                     : "-W " + base::shell_quoted(base::joined(option.choices(), " "));
      values +=
          "    \"" + command->path + " " + option.name + "\") _sluice_offer " + action + "; return ;;\n";
    }
    const OptionText* place = positional(*command);
    const char* files = place == nullptr          ? ""
                        : takes_file(*place)      ? " -f"
                        : takes_directory(*place) ? " -d"
                                                  : "";
    words += "    \"" + command->path + "\") _sluice_offer -W " +
             base::shell_quoted(base::joined(offered(*command), " ")) + files + " ;;\n";
  }
  return "# Completions of " + program.path + R"( for bash; made by `sluice completion bash`.
_sluice_offer() {
  [[ $* != *-[df]* ]] || compopt -o filenames 2>/dev/null
  mapfile -t COMPREPLY < <(compgen "$@" -- "${COMP_WORDS[COMP_CWORD]}")
}

_sluice() {
  local path=sluice i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$path ${COMP_WORDS[i]}" in
    )" + paths(program) +
         R"() path="$path ${COMP_WORDS[i]}" ;;
    esac
  done
  case "$path ${COMP_WORDS[COMP_CWORD - 1]}" in
)" + values +
         R"(  esac
  case "$path" in
)" + words +
         R"(  esac
}

complete -F _sluice sluice
)";
}

namespace {

std::string zsh_entry(const std::string& name, const std::string& description) {
  return " " + base::shell_quoted(name + ":" + brief(description, description_width));
}

/// The lines of a command: the values of its options, and the words that may follow it.
void add_zsh_lines(const CommandText& command, std::string& values, std::string& words) {
  std::string commands, options, files;
  for (const CommandText& one : command.commands) commands += zsh_entry(one.name(), one.description);
  for (const OptionText& option : command.options) {
    if (option.positional) {
      for (const std::string& choice : option.choices()) commands += zsh_entry(choice, option.description);
      if (takes_file(option)) files = "; _files";
      if (takes_directory(option)) files = "; _files -/";
      continue;
    }
    options += zsh_entry(option.name, option.description);
    if (option.value.empty()) continue;
    const std::string action = takes_file(option) ? "_files"
                               : takes_directory(option)
                                   ? "_files -/"
                                   : "compadd -- " + base::joined(option.choices(), " ");
    values += "    (\"" + command.path + " " + option.name + "\") " + action + "; return ;;\n";
  }
  words += "    (\"" + command.path + "\") commands=(" + commands + "); options=(" + options + ")" + files +
           " ;;\n";
}

}  // namespace

std::string zsh_completion(const CommandText& program) {
  std::string values, words;
  for (const CommandText* command : all(program)) add_zsh_lines(*command, values, words);
  return "#compdef sluice\n# Completions of " + program.path + R"( for zsh; made by `sluice completion zsh`.
_sluice() {
  local so_far=sluice
  local -i i
  local -a commands options
  for ((i = 2; i < CURRENT; i++)); do
    case "$so_far ${words[i]}" in
      ()" +
         paths(program) + R"() so_far="$so_far ${words[i]}" ;;
    esac
  done
  case "$so_far ${words[CURRENT - 1]}" in
)" + values +
         R"(  esac
  case "$so_far" in
)" + words +
         R"(  esac
  (( ${#commands} )) && _describe command commands
  _describe -o option options
}

if [ "$funcstack[1]" = "_sluice" ]; then _sluice "$@"; else compdef _sluice sluice; fi
)";
}

std::string fish_completion(const CommandText& program) {
  std::string lines;
  for (const CommandText* command : all(program)) {
    const std::string start = "complete -c sluice -n '__sluice_at \"" + command->path + "\"' ";
    const auto described = [](const std::string& description) {
      return " -d " + base::shell_quoted(brief(description, description_width)) + "\n";
    };
    for (const CommandText& one : command->commands)
      lines += start + "-a " + one.name() + described(one.description);
    for (const OptionText& option : command->options) {
      const std::string choices = base::shell_quoted(base::joined(option.choices(), " "));
      if (option.positional) {
        if (takes_file(option)) lines += start + "-F\n";
        if (takes_directory(option)) lines += start + "-a '(__fish_complete_directories)'\n";
        if (!option.choices().empty()) lines += start + "-a " + choices + described(option.description);
        continue;
      }
      lines += start + (option.name.starts_with("--") ? "-l " + option.name.substr(2)
                                                      : "-s " + option.name.substr(1));
      if (takes_file(option)) {
        lines += " -r -F";
      } else if (takes_directory(option)) {
        lines += " -x -a '(__fish_complete_directories)'";
      } else if (!option.value.empty()) {
        lines += " -x -a " + choices;
      }
      lines += described(option.description);
    }
  }
  return "# Completions of " + program.path + R"( for fish; made by `sluice completion fish`.
function __sluice_at
  set -l path sluice
  for word in (commandline -opc)[2..-1]
    switch "$path $word"
      case )" +
         [&] {
           std::string list = paths(program);
           std::replace(list.begin(), list.end(), '|', ' ');
           return list;
         }() +
         R"(
        set path "$path $word"
    end
  end
  test "$path" = "$argv[1]"
end

complete -c sluice -f
)" + lines;
}

}  // namespace sluice::cli
