#include "postgres/sql.hpp"

#include <algorithm>
#include <stdexcept>

namespace sluice::postgres {

namespace {

using Texts = std::map<std::string, std::string, std::less<>>;

constexpr std::string_view head = "-- name: ";

void add(Texts& texts, const SqlFile& file) {
  std::string* text = nullptr;
  for (std::size_t at = 0; at < file.text.size();) {
    const std::size_t end = std::min(file.text.find('\n', at), file.text.size());
    const std::string_view line = file.text.substr(at, end - at);
    at = end + 1;
    if (line.starts_with(head)) {
      const auto [added, is_new] = texts.try_emplace(std::string(line.substr(head.size())));
      if (!is_new) throw std::logic_error("two statements are named " + added->first);
      text = &added->second;
    } else if (text != nullptr && !line.starts_with("--")) {
      *text += line;
      *text += '\n';
    }
  }
}

/// The texts without their comments.
const Texts& all_texts() {
  static const Texts texts = [] {
    Texts read;
    for (const SqlFile& file : sql_files()) add(read, file);
    for (auto& [name, text] : read) text.erase(text.find_last_not_of('\n') + 1);
    return read;
  }();
  return texts;
}

const std::string& text_named(std::string_view name) {
  const auto found = all_texts().find(name);
  if (found == all_texts().end()) throw std::logic_error("no statement is named " + std::string(name));
  return found->second;
}

/// The name of the mark at `open`, which is a brace; empty if it is a brace of SQL.
std::string_view mark_at(std::string_view text, std::size_t open) {
  const std::size_t close = text.find_first_not_of("abcdefghijklmnopqrstuvwxyz_", open + 1);
  return close == std::string_view::npos || text[close] != '}' ? "" : text.substr(open + 1, close - open - 1);
}

std::string filled(std::string_view text, const Fillings& fillings) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t open = std::min(text.find('{', at), text.size());
    out += text.substr(at, open - at);
    if (open == text.size()) break;
    const std::string_view mark = mark_at(text, open);
    at = open + (mark.empty() ? 1 : mark.size() + 2);
    if (const auto given = fillings.find(mark); mark.empty()) {
      out += '{';
    } else {
      out += given == fillings.end() ? filled(text_named(mark), fillings) : given->second;
    }
  }
  return out;
}

}  // namespace

std::string sql(std::string_view name, const Fillings& fillings) {
  return filled(text_named(name), fillings);
}

std::string sql(std::string_view name, const TableName& table, Fillings fillings) {
  fillings.emplace("outbox", table.quoted());
  fillings.emplace("outbox_literal", quoted_literal(table.quoted()));
  return sql(name, fillings);
}

}  // namespace sluice::postgres
