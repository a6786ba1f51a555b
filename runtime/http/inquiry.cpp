#include "http/inquiry.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/optional/optional.hpp>
#include <boost/system/error_code.hpp>

namespace sluice::http {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using boost::system::error_code;

/// One request, step by step as with blocking functions, but each step has a time limit.
class Inquiry {
 public:
  explicit Inquiry(std::chrono::milliseconds patience) : patience_(patience) {}

  Answer ask(const base::Address& address, const std::string& path) {
    asio::ip::tcp::resolver resolver(io_);
    error_code failed;
    const auto endpoints = resolver.resolve(address.host, std::to_string(address.port), failed);
    if (!failed) {
      failed = finish([&](auto&& done) { stream_.async_connect(endpoints, done); });
    }
    if (failed) return {0, "", "nothing answers there"};

    beast::http::request<beast::http::empty_body> request(beast::http::verb::get, path, 11);
    request.set(beast::http::field::host, address.text());
    request.keep_alive(false);
    failed = finish([&](auto&& done) { beast::http::async_write(stream_, request, done); });

    beast::flat_buffer buffer;
    beast::http::response_parser<beast::http::string_body> parser;
    parser.body_limit(boost::none);
    if (!failed) {
      failed = finish([&](auto&& done) { beast::http::async_read(stream_, buffer, parser, done); });
    }
    if (failed) return {0, "", "no answer arrived (" + failed.message() + ")"};
    return {static_cast<int>(parser.get().result_int()), parser.get().body(), ""};
  }

 private:
  /// Starts one operation, and returns when it is over.
  template <typename Begin>
  error_code finish(Begin&& begin) {
    error_code result;
    stream_.expires_after(patience_);
    begin([&result](error_code failed, auto&&) { result = failed; });
    io_.restart();
    io_.run();
    return result;
  }

  const std::chrono::milliseconds patience_;
  asio::io_context io_;
  beast::tcp_stream stream_{io_};
};

}  // namespace

Answer ask(const base::Address& address, const std::string& path, std::chrono::milliseconds patience) {
  return Inquiry(patience).ask(address, path);
}

}  // namespace sluice::http
