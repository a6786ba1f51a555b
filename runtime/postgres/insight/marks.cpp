#include "postgres/insight/marks.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "postgres/insight/times.hpp"
#include "postgres/link/exec.hpp"
#include "postgres/link/text.hpp"
#include "postgres/sql.hpp"

namespace sluice::postgres {

namespace {

constexpr std::size_t most_marks = 50;  // of each kind; the newest
constexpr std::size_t most_types = 2;

/// "1.2 of mail.send, mail.bounce and 3 more"
std::string words_of(const std::string& version, std::vector<std::string> types) {
  const std::size_t all = types.size();
  types.resize(std::min(all, most_types));
  const std::string more = all > most_types ? " and " + std::to_string(all - most_types) + " more" : "";
  return version + " of " + base::joined(types) + more;
}

Fillings fillings(Time from, Time to) {
  return {{"from", instant(from)},
          {"to", instant(to)},
          {"before", instant(from - (to - from))},
          {"most", std::to_string(most_marks)}};
}

}  // namespace

std::string version_marks_statement(Time from, Time to) {
  return sql("marks_of_versions", fillings(from, to));
}

std::vector<Mark> read_marks(pqxx::transaction_base& transaction, Time from, Time to) {
  std::vector<Mark> marks;
  for (const auto& row : transaction.exec(sql("marks_by_hand", fillings(from, to))))
    marks.push_back({time_of(text_of(row[0])), text_of(row[1]), text_of(row[2])});
  for (const auto& row : transaction.exec(version_marks_statement(from, to)))
    marks.push_back({time_of(text_of(row[0])), "version", words_of(text_of(row[1]), texts_of(row[2]))});
  std::sort(marks.begin(), marks.end(), [](const Mark& a, const Mark& b) { return a.at < b.at; });
  return marks;
}

}  // namespace sluice::postgres
