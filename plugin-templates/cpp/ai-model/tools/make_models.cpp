// Makes the two models that the project begins with: make_models FOLDER. It writes as much of ONNX's protocol buffers as that
// takes (onnx.proto3, IR version 8, operators of version 13).
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

// A message of protocol buffers, field by field.
class Message {
  public:
    Message &number(std::uint64_t field, std::uint64_t value) {
        varint(field << 3);
        varint(value);
        return *this;
    }
    Message &text(std::uint64_t field, std::string_view value) {
        varint(field << 3 | 2);
        varint(value.size());
        bytes_ += value;
        return *this;
    }
    Message &message(std::uint64_t field, const Message &value) { return text(field, value.bytes_); }
    const std::string &bytes() const { return bytes_; }

  private:
    void varint(std::uint64_t value) {
        for (; value >= 0x80; value >>= 7) {
            bytes_ += static_cast<char>(value | 0x80);
        }
        bytes_ += static_cast<char>(value);
    }

    std::string bytes_;
};

enum Element : std::uint64_t { float32 = 1, int64 = 7 };

// An input or an output, whose axes have these names.
Message described(std::string_view name, Element element, const std::vector<std::string> &axes) {
    Message shape;
    for (const auto &axis : axes) {
        shape.message(1, Message().text(2, axis));
    }
    const Message tensor = Message().number(1, element).message(2, shape);
    return Message().text(1, name).message(2, Message().message(1, tensor));
}

// The machines that build plugins are little-endian, as the format is.
template <class T>
Message constant(std::string_view name, Element element, const std::vector<std::uint64_t> &lengths,
                 const std::vector<T> &values) {
    Message tensor;
    for (const auto length : lengths) {
        tensor.number(1, length);
    }
    const std::string_view raw(reinterpret_cast<const char *>(values.data()), values.size() * sizeof(T));
    return tensor.number(2, element).text(8, name).text(9, raw);
}

// An operator with one output; its attributes are integers.
Message node(std::string_view name, const std::vector<std::string> &inputs, std::string_view output,
             const std::vector<std::pair<std::string, std::uint64_t>> &attributes = {}) {
    Message made;
    for (const auto &input : inputs) {
        made.text(1, input);
    }
    made.text(2, output).text(4, name);
    for (const auto &[attribute, value] : attributes) {
        made.message(5, Message().text(1, attribute).number(3, value).number(20, 2));
    }
    return made;
}

// Each byte of a text belongs to one class; the scores are the shares of the classes.
struct Version {
    const char *file;
    std::uint64_t number;
    std::vector<std::string> labels;
    std::size_t (*class_of)(unsigned byte);
};

bool upper(unsigned byte) { return byte >= 'A' && byte <= 'Z'; }
bool lower(unsigned byte) { return byte >= 'a' && byte <= 'z'; }
bool digit(unsigned byte) { return byte >= '0' && byte <= '9'; }
bool space(unsigned byte) { return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r'; }
bool visible(unsigned byte) { return byte >= 0x21 && byte <= 0x7e; }

std::string model(const Version &version) {
    constexpr std::size_t tokens = 257; // row 256 is the padding's, of no class
    const std::size_t classes = version.labels.size();
    std::vector<float> table(tokens * classes, 0.0f);
    for (unsigned byte = 0; byte < 256; byte++) {
        table[byte * classes + version.class_of(byte)] = 1.0f;
    }
    std::string labels;
    for (const auto &label : version.labels) {
        labels += (labels.empty() ? "" : ",") + label;
    }
    Message graph;
    graph.text(2, "characters")
        .message(11, described("tokens", int64, {"batch", "length"}))
        .message(12, described("scores", float32, {"batch", "classes"}))
        .message(5, constant("table", float32, {tokens, classes}, table))
        .message(5, constant("length_axis", int64, {1}, std::vector<std::int64_t>{1}))
        .message(5, constant("one", float32, {1}, std::vector<float>{1}))
        .message(1, node("Gather", {"table", "tokens"}, "rows"))
        .message(1, node("ReduceSum", {"rows", "length_axis"}, "counts", {{"keepdims", 0}}))
        .message(1, node("ReduceSum", {"counts", "length_axis"}, "total", {{"keepdims", 1}}))
        .message(1, node("Max", {"total", "one"}, "at_least_one"))
        .message(1, node("Div", {"counts", "at_least_one"}, "scores"));
    return Message()
        .number(1, 8)
        .text(2, "lao")
        .number(5, version.number)
        .message(7, graph)
        .message(8, Message().text(1, "").number(2, 13))
        .message(14, Message().text(1, "labels").text(2, labels))
        .bytes();
}

} // namespace

int main(int count, char **arguments) {
    if (count != 2) {
        std::cerr << "usage: make_models FOLDER\n";
        return 2;
    }
    const Version versions[] = {
        {"characters-1.onnx",
         1,
         {"letter", "digit", "space", "punctuation", "other"},
         [](unsigned byte) -> std::size_t {
             return upper(byte) || lower(byte) ? 0 : digit(byte) ? 1 : space(byte) ? 2 : visible(byte) ? 3 : 4;
         }},
        {"characters-2.onnx",
         2,
         {"upper", "lower", "digit", "space", "punctuation", "other"},
         [](unsigned byte) -> std::size_t {
             return upper(byte) ? 0 : lower(byte) ? 1 : digit(byte) ? 2 : space(byte) ? 3 : visible(byte) ? 4 : 5;
         }}};
    const std::filesystem::path folder(arguments[1]);
    std::filesystem::create_directories(folder);
    for (const Version &version : versions) {
        const std::string bytes = model(version);
        std::ofstream file(folder / version.file, std::ios::binary);
        if (!file.write(bytes.data(), static_cast<std::streamsize>(bytes.size())).flush()) {
            std::cerr << "cannot write " << folder / version.file << "\n";
            return 1;
        }
    }
    return 0;
}
