// What the template `image-processor` decodes, for test_image_processor.py.
#include <memory>

#include "codec.hpp"
#include "fed.hpp"

static void read(const std::string &data) {
    constexpr std::uint64_t most = 1 << 20;
    // Memory of their exact sizes, so that the sanitizer sees a byte beyond them.
    const std::unique_ptr<std::uint8_t[]> file(new std::uint8_t[data.size()]);
    std::copy(data.begin(), data.end(), file.get());
    try {
        const auto decoder = codec::open({file.get(), data.size(), ""}, codec::Limit(most));
        const codec::Head &head = decoder->head;
        require(head.width > 0 && head.height > 0 && head.width * head.height <= most,
                "an image is larger than is allowed");
        require(head.channels == 1 || head.channels == 3 || head.channels == 4, "an image has strange channels");
        if (head.sixteen) {
            const std::unique_ptr<std::uint16_t[]> to(new std::uint16_t[head.elements()]);
            codec::read(*decoder, to.get());
        } else {
            const std::unique_ptr<std::uint8_t[]> to(new std::uint8_t[head.elements()]);
            codec::read(*decoder, to.get());
        }
    } catch (const lao::InvalidInput &refused) {
        require(std::string(refused.what()).rfind("the image cannot be read: ", 0) == 0,
                "a refusal says something else");
    }
}
