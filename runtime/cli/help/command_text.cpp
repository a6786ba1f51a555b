#include "cli/help/command_text.hpp"

#include <algorithm>
#include <set>

namespace sluice::cli {

namespace {

void gather(const CommandText& command, bool all, std::vector<const CommandText*>& found) {
  if (all || command.commands.empty()) found.push_back(&command);
  for (const CommandText& one : command.commands) gather(one, all, found);
}

/// True for commands for authors of handlers; the others are for those who run Sluice.
bool is_for_authors(const std::string& path) {
  static const std::set<std::string> operators{"sluice plugin list", "sluice plugin install",
                                               "sluice plugin rollback"};
  return path.starts_with("sluice plugin ") && !operators.contains(path);
}

}  // namespace

std::vector<std::string> OptionText::choices() const {
  std::vector<std::string> list;
  if (value.find('|') == std::string::npos) return list;
  for (std::size_t begin = 0; begin <= value.size();) {
    const std::size_t end = std::min(value.find('|', begin), value.size());
    list.push_back(value.substr(begin, end - begin));
    begin = end + 1;
  }
  return list;
}

std::string CommandText::name() const {
  return path.substr(path.rfind(' ') + 1);
}

std::vector<const CommandText*> leaves(const CommandText& command) {
  std::vector<const CommandText*> found;
  gather(command, false, found);
  return found;
}

std::vector<const CommandText*> all(const CommandText& command) {
  std::vector<const CommandText*> found;
  gather(command, true, found);
  return found;
}

std::string brief(const std::string& description, std::size_t width) {
  std::string line = description.substr(0, description.find(". "));
  if (line.size() <= width) return line;
  for (const char* end : {";:", ",", " "}) {
    const std::size_t cut = line.find_last_of(end, width);
    if (cut != std::string::npos && cut >= width / 3) return line.substr(0, cut);
  }
  return line.substr(0, width);
}

std::string program_help(const CommandText& program) {
  constexpr std::size_t page = 80;
  std::size_t column = 0;
  for (const CommandText* command : leaves(program)) {
    column = std::max(column, command->path.size() - program.path.size() + 3);
  }
  const auto list = [&](bool authors) {
    std::string lines;
    for (const CommandText* command : leaves(program)) {
      if (is_for_authors(command->path) != authors) continue;
      const std::string words = "  " + command->path.substr(program.path.size() + 1);
      lines += words + std::string(column + 2 - words.size(), ' ') +
               brief(command->description, page - column - 2) + "\n";
    }
    return lines;
  };
  return program.description + "\nUsage: " + program.path + " COMMAND [OPTIONS]\n\nTo run it:\n" +
         list(false) + "\nTo write handlers:\n" + list(true) + "\n" + program.footer + "\n";
}

}  // namespace sluice::cli
