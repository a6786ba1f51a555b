#include "postgres/insight/failure_groups.hpp"

#include <algorithm>
#include <cctype>
#include <map>
#include <tuple>
#include <utility>

#include "postgres/desk/job_rows.hpp"
#include "postgres/insight/times.hpp"
#include "postgres/link/exec.hpp"
#include "postgres/link/text.hpp"
#include "postgres/sql.hpp"

namespace sluice::postgres {

namespace {

constexpr std::int64_t most_attempts = 20'000;

bool is_word(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return std::isalnum(byte) != 0 || c == '-' || c == '_' || byte >= 128;
}

bool has_digit(std::string_view word) {
  return std::any_of(word.begin(), word.end(),
                     [](char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; });
}

std::string_view word_at(std::string_view text, std::size_t at) {
  std::size_t end = at;
  while (end < text.size() && is_word(text[end])) ++end;
  return text.substr(at, end - at);
}

/// The length of the quoted value that begins at `at`; 0 if there is none. An apostrophe within a word is no
/// quotation mark.
std::size_t quoted_length(std::string_view text, std::size_t at) {
  const char mark = text[at];
  if (mark != '\'' && mark != '"' && mark != '`') return 0;
  const std::size_t end = text.find(mark, at + 1);
  return end == std::string_view::npos ? 0 : end + 1 - at;
}

FailureGroup group_of(const pqxx::row& row) {
  FailureGroup group;
  group.type = text_of(row[0]);
  group.code = text_of(row[1]);
  group.error = text_of(row[2]);
  group.frame = text_of(row[3]);
  group.message = likeness(group.error);
  group.attempts = row[4].as<std::int64_t>();
  group.first = moment_of(row, 5);
  group.last = moment_of(row, 7);
  group.versions = texts_of(row[9]);
  group.example = text_of(row[10]);
  return group;
}

void merge(FailureGroup& into, FailureGroup group) {
  into.attempts += group.attempts;
  if (group.first.age > into.first.age) into.first = group.first;
  for (auto& version : group.versions) into.versions.push_back(std::move(version));
  if (group.last.age >= into.last.age) return;
  into.last = group.last;
  into.example = std::move(group.example);
  into.error = std::move(group.error);
}

void sort_versions(FailureGroup& group) {
  std::sort(group.versions.begin(), group.versions.end());
  group.versions.erase(std::unique(group.versions.begin(), group.versions.end()), group.versions.end());
}

}  // namespace

std::string likeness(std::string_view error) {
  std::string message;
  for (std::size_t at = 0; at < error.size();) {
    if (const std::string_view word = word_at(error, at); !word.empty()) {
      at += word.size();
      if (at < error.size() && error[at] == '\'' && !has_digit(word)) {  // an apostrophe
        message.append(word).append("'");
        ++at;
      } else {
        message += has_digit(word) ? "#" : word;
      }
    } else if (const std::size_t length = quoted_length(error, at); length > 0) {
      message += "'…'";
      at += length;
    } else {
      message += error[at++];
    }
  }
  return message;
}

std::string failures_statement(Time from, Time to) {
  const auto at = [](const char* column) {
    return moment(std::string("(") + column + " AT TIME ZONE 'UTC')");
  };
  return sql("failures", {{"from", instant(from)},
                          {"to", instant(to)},
                          {"most", std::to_string(most_attempts + 1)},
                          {"first", at("a.first")},
                          {"last", at("a.last")},
                          {"oldest", at("e.oldest")}});
}

Failures read_failures(pqxx::transaction_base& transaction, Time from, Time to) {
  Failures failures;
  std::map<std::tuple<std::string, std::string, std::string, std::string>, FailureGroup> groups;
  for (const auto& row : transaction.exec(failures_statement(from, to))) {
    failures.attempts = row[11].as<std::int64_t>();
    failures.more = failures.attempts > most_attempts;
    if (failures.more) failures.horizon = moment_of(row, 12);
    if (row[0].is_null()) break;
    FailureGroup group = group_of(row);
    const auto key = std::make_tuple(group.type, group.code, group.frame, group.message);
    const auto [found, is_new] = groups.try_emplace(key, group);
    if (!is_new) merge(found->second, std::move(group));
  }
  for (auto& [key, group] : groups) {
    sort_versions(group);
    failures.groups.push_back(std::move(group));
  }
  std::stable_sort(failures.groups.begin(), failures.groups.end(),
                   [](const auto& a, const auto& b) { return a.attempts > b.attempts; });
  return failures;
}

}  // namespace sluice::postgres
