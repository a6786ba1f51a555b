#include "dashboard/marked_json.hpp"

#include <rapidjson/prettywriter.h>
#include <rapidjson/reader.h>

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "base/pretty_json.hpp"
#include "base/text.hpp"

namespace sluice::dashboard {

namespace {

using Writer = rapidjson::PrettyWriter<base::BoundedText>;

/// Values below this depth are not looked for: their problems stand at a value that contains them.
constexpr std::size_t deepest_marked = 64;

/// JSON pointer → the number of the line on which the value begins; nullopt: it was not met.
using Lines = std::map<std::string, std::optional<std::size_t>>;

/// Writes what a reader finds until the text is full, and notes where each value of `lines` begins.
class Copy : public rapidjson::BaseReaderHandler<rapidjson::UTF8<>, Copy> {
 public:
  Copy(base::BoundedText& text, Lines& lines) : text_(text), writer_(text), lines_(lines) {}

  bool Null() {
    return value([&] { return writer_.Null(); });
  }
  bool Bool(bool truth) {
    return value([&] { return writer_.Bool(truth); });
  }
  bool RawNumber(const char* text, rapidjson::SizeType length, bool) {
    return value([&] { return writer_.RawValue(text, length, rapidjson::kNumberType); });
  }
  bool String(const char* text, rapidjson::SizeType length, bool) {
    return value([&] { return writer_.String(text, length); });
  }
  bool Key(const char* text, rapidjson::SizeType length, bool) {
    path_.back().name.assign(text, length);
    return writer_.Key(text, length) && !text_.full();
  }
  bool StartObject() {
    return begin(false, [&] { return writer_.StartObject(); });
  }
  bool EndObject(rapidjson::SizeType) {
    return end([&] { return writer_.EndObject(); });
  }
  bool StartArray() {
    return begin(true, [&] { return writer_.StartArray(); });
  }
  bool EndArray(rapidjson::SizeType) {
    return end([&] { return writer_.EndArray(); });
  }

 private:
  struct Step {
    bool is_array = false;
    std::size_t index = 0;
    std::string name;
  };

  /// The line on which the writer is.
  std::size_t line() {
    const std::string& text = text_.text();
    line_ += static_cast<std::size_t>(
        std::count(text.begin() + static_cast<std::ptrdiff_t>(counted_), text.end(), '\n'));
    counted_ = text.size();
    return line_;
  }

  void note() {
    if (path_.size() > deepest_marked) return;
    std::string pointer;
    for (const Step& step : path_)
      pointer += "/" + (step.is_array ? std::to_string(step.index) : base::pointer_token(step.name));
    if (const auto wanted = lines_.find(pointer); wanted != lines_.end()) wanted->second = line();
  }

  void advance() {
    if (!path_.empty() && path_.back().is_array) ++path_.back().index;
  }

  template <class Write>
  bool value(Write write) {
    const bool good = write();
    note();
    advance();
    return good && !text_.full();
  }

  template <class Write>
  bool begin(bool is_array, Write write) {
    const bool good = write();
    note();
    path_.push_back({is_array, 0, ""});
    return good && !text_.full();
  }

  template <class Write>
  bool end(Write write) {
    path_.pop_back();
    const bool good = write();
    advance();
    return good && !text_.full();
  }

  base::BoundedText& text_;
  Writer writer_;
  Lines& lines_;
  std::vector<Step> path_;
  std::size_t line_ = 0;
  std::size_t counted_ = 0;
};

bool is_met(const Lines& lines, const std::string& pointer) {
  const auto found = lines.find(pointer);
  return found != lines.end() && found->second;
}

/// The line of the value, or of the nearest one that contains its place.
std::size_t line_of(const Lines& lines, std::string pointer) {
  for (;;) {
    const auto found = lines.find(pointer);
    if (found != lines.end() && found->second) return *found->second;
    const auto slash = pointer.rfind('/');
    if (slash == std::string::npos) return 0;
    pointer.resize(slash);
  }
}

/// Those of the problems, and of all values that contain them.
Lines wanted_lines(const std::vector<PayloadProblem>& problems) {
  Lines lines{{"", std::nullopt}};
  for (const PayloadProblem& problem : problems) {
    const std::string& pointer = problem.pointer;
    std::size_t depth = 0;
    for (std::size_t at = pointer.find('/'); at != std::string::npos && depth < deepest_marked; ++depth) {
      at = pointer.find('/', at + 1);
      lines[pointer.substr(0, at)] = std::nullopt;
    }
  }
  return lines;
}

}  // namespace

std::vector<MarkedPart> marked(const std::string& json, const std::vector<PayloadProblem>& problems,
                               std::size_t longest) {
  constexpr unsigned flags = rapidjson::kParseNumbersAsStringsFlag | rapidjson::kParseIterativeFlag;
  base::BoundedText text(longest + 1);
  Lines lines = wanted_lines(problems);
  Copy copy(text, lines);
  rapidjson::StringStream stream(json.c_str());
  rapidjson::Reader reader;
  if (reader.Parse<flags>(stream, copy).IsError() && !text.full())
    return {{base::shortened(json, longest), ""}};
  std::map<std::size_t, std::string> at;
  for (const PayloadProblem& problem : problems) {
    const bool exact = problem.pointer.empty() || is_met(lines, problem.pointer);
    std::string& words = at[line_of(lines, problem.pointer)];
    words += (words.empty() ? "" : "; ") + (exact ? "" : problem.pointer + ": ") + problem.text;
  }
  const std::string whole = base::shortened(text.text(), longest);
  std::vector<MarkedPart> parts;
  std::size_t begin = 0;
  std::size_t line = 0;
  for (const auto& [number, problem] : at) {
    std::size_t end = begin;
    for (; line <= number && end < whole.size(); ++line)
      end = std::min(whole.find('\n', end), whole.size() - 1) + 1;
    const bool has_break = end > begin && whole[end - 1] == '\n';
    parts.push_back({whole.substr(begin, end - begin - (has_break ? 1 : 0)), problem});
    begin = end;
  }
  if (begin < whole.size()) parts.push_back({whole.substr(begin), ""});
  return parts;
}

}  // namespace sluice::dashboard
