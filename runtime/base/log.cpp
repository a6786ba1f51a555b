#include "base/log.hpp"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <ctime>
#include <memory>

#include "base/harmless.hpp"
#include "base/text.hpp"
#include "base/threads.hpp"

namespace sluice::log {

namespace {

struct Logger {
  std::shared_ptr<spdlog::logger> out = make();  // spdlog hands its sinks out as shared pointers
  bool json = false;
  base::Mutex mutex;
  std::vector<Field> identity GUARDED_BY(mutex);

  static std::shared_ptr<spdlog::logger> make() {
    auto logger =
        std::make_shared<spdlog::logger>("sluice", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
    logger->set_error_handler([](const std::string&) {});  // without stderr there is nowhere to report to
    return logger;
  }
};

Logger& logger() {
  static Logger instance;
  return instance;
}

spdlog::level::level_enum to_spdlog(Level level) {
  static constexpr std::array map{spdlog::level::trace, spdlog::level::debug, spdlog::level::info,
                                  spdlog::level::warn,  spdlog::level::err,   spdlog::level::off};
  return map.at(static_cast<std::size_t>(level));
}

std::string utc_now() {
  const auto now = base::WallClock::now();
  const std::time_t seconds = base::WallClock::to_time_t(now);
  const auto millis = std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()) % 1000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", parts.tm_year + 1900, parts.tm_mon + 1,
                     parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, millis.count());
}

bool needs_quotes(std::string_view value) {
  return value.empty() || value.find_first_of(" =\"") != std::string_view::npos;
}

}  // namespace

Field Field::of_json(std::string_view key, std::string_view value) {
  Field field(key, value);
  field.json = true;
  return field;
}

void configure(Level level, Format format) {
  Logger& target = logger();
  target.json = format == Format::json || (format == Format::automatic && isatty(STDERR_FILENO) == 0);
  target.out->set_level(to_spdlog(level));
  target.out->set_pattern(target.json ? "%v" : "%H:%M:%S.%e %^%-7l%$ %v");
  target.out->flush_on(spdlog::level::trace);
}

void identify(const std::vector<Field>& fields) {
  Logger& target = logger();
  const base::Lock lock(target.mutex);
  target.identity = fields;
}

bool enabled(Level level) {
  return logger().out->should_log(to_spdlog(level));
}

std::string json_line(Level level, std::string_view message, const std::vector<Field>& fields,
                      std::string_view time) {
  std::string line = "{\"time\":\"" + std::string(time) + "\",\"level\":\"" +
                     std::string(level_names.at(static_cast<std::size_t>(level))) +
                     "\",\"message\":" + base::json_quote(base::valid_utf8(message));
  for (const Field& field : fields) {
    line += "," + base::json_quote(base::valid_utf8(field.key)) + ":";
    line += field.json ? field.value : base::json_quote(base::valid_utf8(field.value));
  }
  return line + "}";
}

std::string human_line(std::string_view message, const std::vector<Field>& fields) {
  std::string line = base::harmless(message);
  for (const Field& field : fields) {
    const std::string value = base::harmless(field.value);
    line += " " + base::harmless(field.key) + "=" +
            (needs_quotes(value) && !field.json ? '"' + value + '"' : value);
  }
  return line;
}

void write(Level level, std::string_view message, const std::vector<Field>& fields) {
  if (!enabled(level)) return;
  Logger& target = logger();
  std::string line;
  if (target.json) {
    std::vector<Field> all(fields);
    {
      const base::Lock lock(target.mutex);
      all.insert(all.end(), target.identity.begin(), target.identity.end());
    }
    line = json_line(level, message, all, utc_now());
  } else {
    line = human_line(message, fields);
  }
  target.out->log(to_spdlog(level), spdlog::string_view_t(line));
}

}  // namespace sluice::log
